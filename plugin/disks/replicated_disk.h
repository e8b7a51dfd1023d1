// A disk that the guest can write to, on DRBD: protocol C, both hosts up to
// date. DRBD carries each write to the other host before the guest hears that
// it is done, so the data does not pass through this process. What it adds is
// that the copy's disk stays as it was at the last checkpoint: kept_disk.h.
//
//     primary    guest_stands(n)  nothing new is written: the secondary keeps
//                other_stands(n)  what there is, and the guest waits for it
//                may_commit(n)    DRBD is connected and up to date, so that
//                                 was all that the guest knows to be written
//     secondary  guest_stands(n)  its backend lets go of the copy
//                committed(n)     that is the copy's disk, and what the copy
//                                 has written itself is void
//                may_take_over    DRBD is Primary here, alone; the copy's disk,
//                                 with what it has written since, is merged
//                                 into it from here on
//
// What was under way when the guest was suspended may be in the copy's disk or
// not: the guest has no answer yet in its memory, and asks again.
#pragma once

#include "devices/device_kind.h"
#include "devices/device_set.h"

namespace xl_colo {

// Finds out which writable disks among `devices` are on which of DRBD's
// resources, on the primary. The others stay as they are, to be refused. Error:
// DRBD does not say.
Status find_resources(std::vector<DeviceFacts>& devices);

// Of a process that is gone: what it has left of the disks among a guest's
// devices, which are as that host has them. On the secondary of a copy's:
// may_take_over(), may_run() and take_over(), or none of these; then
// protection_ended(), and tear_down(), which leaves alone what is held.
// `domain` and `log` outlive it.
DeviceSet adopt_disks(Role role, Domain& domain,
                      std::vector<DeviceFacts> devices, Log& log);

// Disks that the guest can write to.
const DeviceKind& replicated_disk_kind();

}  // namespace xl_colo
