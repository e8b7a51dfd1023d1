// One device of the guest on one of the two hosts: its part in a checkpoint.
//
// The moments are those of libxl's checkpoint devices (setup, postsuspend,
// preresume, commit, teardown; libxl_checkpoint_device.c), but that the
// primary's guest goes on before its checkpoint is committed:
//
//     prepare          on the secondary, before libxl builds the copy
//     set_up           before the initial copy on the primary; on the secondary
//                      once libxl has built the copy, which has not run yet
//   for each checkpoint n, on the primary and on the secondary:
//     guest_will_stand(n)                 it is about to be suspended, and runs
//     guest_stands(n)    guest_stands(n)  guest or copy has just been suspended
//                        other_stands(n)  the primary's guest has, and does not
//                                         go on before this is done
//     may_run(n)                          it is about to go on: what it puts
//                                         out from here on belongs to n + 1
//     may_commit(n)                       the other host gets the word that it
//                                         may commit n next
//     committed(n)       committed(n)     the other host has all of n, or this
//                                         one: what the guest has put out until
//                                         n may be let out, and what the copy
//                                         has done since n - 1 is void
//                        may_run(n)       it is about to go on, with n put in
//   at the end:
//                        may_take_over()  the copy is about to be the guest; it
//                                         may have run all the time
//     take_over        it is
//     protection_ended on both sides, once it is known where the guest is
//     tear_down        the last call
//
// There is no committed(0) on the secondary: set_up() says the same. A copy
// that stands until it takes over (--output=commit) has guest_stands and
// committed for each checkpoint all the same, and may_run once, at the end.
//
// With --verify the primary's guest goes on last of all: may_run(n) comes after
// committed(n). A copy may have to go on from where it stood, because the
// primary was lost before n was committed: guest_stands(n), no committed(n),
// may_take_over, may_run(n - 1), take_over. So may the primary's guest when the
// secondary is lost: no committed(n) comes any more. And what failed may be
// tried again: may_take_over() and may_run() then come twice.
//
// All of it happens on the session's thread, but for other_stands(), which is
// the link's, and comes while the session's waits for the checkpoint's pages.
// The guest's vCPUs stand from guest_stands() to may_run(), so what blocks
// there is part of its pause. On the primary they run in may_commit(n) and
// committed(n).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "devices/device_contents.h"
#include "devices/output_felt.h"
#include "hypervisor/host.h"
#include "status/status.h"

namespace xl_colo {

class CheckpointDevice {
public:
    virtual ~CheckpointDevice() = default;

    // An error of these ends protection before it began, with nothing changed.
    // `instead`: what the copy is to have in place of what the primary's
    // configuration names.
    virtual Status prepare(DiskPaths& /*instead*/) { return {}; }
    // The domain outlives the device.
    virtual Status set_up(Domain&) { return {}; }
    // An error of these ends protection as a step that fails: the primary's
    // guest goes on, the copy is given up.
    virtual Status guest_will_stand(CheckpointNumber) { return {}; }
    virtual Status guest_stands(CheckpointNumber) { return {}; }
    virtual Status other_stands(CheckpointNumber) { return {}; }
    virtual Status may_commit(CheckpointNumber) { return {}; }
    virtual Status committed(CheckpointNumber) { return {}; }
    virtual Status may_run(CheckpointNumber) { return {}; }
    // On the primary: whether the other host has something of it to keep while
    // the guest stands, other_stands().
    virtual bool is_kept_by_other() const { return false; }
    // With --verify-disks, after committed(n) and while the guest or its copy
    // stands: whether it holds something of which both hosts have a copy, and
    // what that is as of n. Null: it cannot be told this time. Error: as above.
    virtual bool has_contents() const { return false; }
    virtual Result<std::unique_ptr<DeviceContents>> contents()
    {
        return std::unique_ptr<DeviceContents>();
    }
    // On the primary, where that may change from one checkpoint to the next:
    // whether the copy runs from the may_run() that follows on. It does where
    // this is never called.
    virtual void copy_will_run(bool) {}
    // On the primary: of what has left by now, after committed(n) all that was
    // sent before the guest stood for n.
    virtual OutputFelt output_felt() const { return {}; }
    // An error leaves the copy what it is.
    virtual Status may_take_over() { return {}; }
    // These have no way back. What goes wrong is for the log.
    virtual void take_over() {}
    // Primary: the other host is lost, whatever that comes to. No more waiting
    // for it.
    virtual void other_is_lost() {}
    // How: unprotected or taken_over, the guest goes on here, and nothing of it
    // has to wait any more; held, it stands here, and may be the other host's;
    // ended, it is not here.
    virtual void protection_ended(State) {}
    // Once; after a prepare() or a set_up() that failed, too. On the secondary
    // the copy's domain may be there yet.
    virtual void tear_down() {}

    // Its line in the status. Any thread.
    virtual DeviceStatus status() const = 0;
};

}  // namespace xl_colo
