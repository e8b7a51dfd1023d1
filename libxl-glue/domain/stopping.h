// Brings a guest's vCPUs to a stand: by the guest itself where it has PV
// drivers, or without its help.
#pragma once

#include <chrono>
#include <memory>

#include "base/result.h"
#include "base/units.h"
#include "domain/suspend_request.h"
#include "hypervisor/domain.h"
#include "xen/access.h"

namespace xl_colo {

// What a domain's devices are emulated by.
enum class Emulator { qemu, none };

// The guest was suspended, but not by us. Error refused.
Error suspended_by_others();

// The session's thread.
class GuestStopping {
public:
    GuestStopping(Access& access, Domid domid, Emulator emulator)
        : access_(access), domid_(domid), emulator_(emulator)
    {
    }

    // For Domain::suspend(). Error timeout where the guest does not do it; it
    // may have stopped in the last moment, after all, and then forget() is due.
    Status stop(Suspension& suspension);
    // For Domain::suspend_copy(), whatever drivers the guest has.
    Status stop_copy();
    // Domain::may_suspend_yet(), of the last stop().
    bool may_suspend_yet() const { return may_suspend_yet_; }
    void forget() { may_suspend_yet_ = false; }

private:
    Result<bool> is_to_be_asked();
    Status ask_guest(Suspension& suspension);
    Status stop_guest(std::chrono::seconds limit);
    GuestState state();

    Access& access_;
    Domid domid_;
    Emulator emulator_;
    std::unique_ptr<ShutdownNode> shutdown_node_;  // opened when needed
    bool may_suspend_yet_ = false;
};

}  // namespace xl_colo
