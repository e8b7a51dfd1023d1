#include "domain/guest_state.h"

#include "xen/access.h"

namespace xl_colo {

namespace {

GuestState to_guest_state(std::optional<unsigned> reason)
{
    if (!reason) {
        return GuestState::running;
    }
    switch (*reason) {
    case SHUTDOWN_suspend:
        return GuestState::suspended;
    case SHUTDOWN_poweroff:
        return GuestState::poweroff;
    // A soft reset (kexec of a crash kernel) is a reboot that keeps the domain.
    case SHUTDOWN_reboot:
    case SHUTDOWN_soft_reset:
        return GuestState::reboot;
    default:
        return GuestState::crash;
    }
}

}  // namespace

GuestState guest_state(xc_interface* xc, Domid domid)
{
    auto info = domain_info(xc, domid);
    return info ? to_guest_state(shutdown_reason(*info)) : GuestState::gone;
}

}  // namespace xl_colo
