#include "hypervisor/domain.h"

namespace xl_colo {

const char* to_string(GuestState state)
{
    switch (state) {
    case GuestState::running:
        return "running";
    case GuestState::suspended:
        return "suspended";
    case GuestState::poweroff:
        return "poweroff";
    case GuestState::reboot:
        return "reboot";
    case GuestState::crash:
        return "crash";
    case GuestState::gone:
        break;
    }
    return "gone";
}

}  // namespace xl_colo
