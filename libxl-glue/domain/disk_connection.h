// The disk of a copy that runs, and its backend: xen-blkback, or QEMU's. At
// each checkpoint the backend has to let go: before B is taken, since what it
// has written to the copy's memory is marked dirty only then; and because the
// driver in what is put in makes rings of its own, of which a backend that is
// connected takes no notice (frontend_changed() in xen-blkback's xenbus.c).
//
//     frontend   6    1           4, as it was           3 by the driver
//     backend       6    2           4, to the same ring    4
//                   released         restored, or           renewed
//
// blkback that is told 6 with requests under way stops to take more, but keeps
// ring and grants, and says 6 all the same (xen_blkif_disconnect() gives EBUSY,
// at which nobody looks). So it is told again until the ring's event channel is
// bound no more, which is the last thing that it does.
//
// How far the driver was is noted in the domain's part of xenstore, where no
// guest can write and which goes with the domain: a process that looks after a
// copy whose own was killed needs it as well.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"
#include "xen/access.h"

namespace xl_colo {

// See Domain::release_disk() and those after it. `vdev` as libxl has it.
Status release_disk_connection(Access& access, Domid domid,
                               const std::string& vdev);
Status renew_disk_connection(Domid domid, const std::string& vdev);
Status restore_disk_connection(Access& access, Domid domid,
                               const std::string& vdev);

}  // namespace xl_colo
