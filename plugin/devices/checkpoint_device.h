// One device of the guest on one of the two hosts: its part in a checkpoint.
//
// The moments are those of libxl's checkpoint devices (setup, postsuspend,
// preresume, commit, teardown; libxl_checkpoint_device.c), in this order:
//
//     set_up           before the initial copy on the primary; on the secondary
//                      once libxl has built the copy, which has not run yet
//   for each checkpoint n:
//     guest_stands(n)  the guest, or the copy, has just been suspended
//     committed(n)     the other host has all of n, or said so: what the guest
//                      has put out until n may be let out, and what the copy
//                      has done by itself since n - 1 is void
//     may_run(n)       it is about to go on: on the secondary with n put in
//   at the end:
//     take_over        the copy is the guest now
//     tear_down        protection is over on this side, however it ended
//
// A copy may have to go on from where it stood, because the primary was lost
// before n was committed: guest_stands(n), no committed(n), may_run(n - 1),
// take_over. And what failed may be tried again: may_run() then comes twice.
//
// All of it happens on the session's thread, with the guest's vCPUs standing
// from guest_stands() to may_run(), so what blocks there is part of its pause.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"
#include "status/status.h"

namespace xl_colo {

class CheckpointDevice {
public:
    virtual ~CheckpointDevice() = default;

    // An error ends protection before it began, with nothing changed.
    virtual Status set_up() { return {}; }
    // An error of these ends protection as a step that fails: the primary's
    // guest goes on, the copy is given up.
    virtual Status guest_stands(CheckpointNumber) { return {}; }
    virtual Status committed(CheckpointNumber) { return {}; }
    virtual Status may_run(CheckpointNumber) { return {}; }
    // These have no way back. What goes wrong is for the log.
    virtual void take_over() {}
    // Once, the last call; after a set_up() that failed, too.
    virtual void tear_down() {}

    // Its line in the status. Any thread.
    virtual DeviceStatus status() const = 0;
};

}  // namespace xl_colo
