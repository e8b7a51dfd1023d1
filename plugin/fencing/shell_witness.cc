#include "fencing/shell_witness.h"

namespace xl_colo {

ClaimAnswer ShellWitness::claim(const Interrupted& interrupted)
{
    const char* const role =
        side_ == Side::primary ? "primary" : "secondary";
    const auto status = run_command(
        command_,
        {"XL_COLO_SESSION=" + session_, std::string("XL_COLO_ROLE=") + role,
         "XL_COLO_DOMAIN=" + domain_, "XL_COLO_ACTION=claim"},
        time_limit, interrupted);
    if (!status) {
        return {Claim::unknown, status.error().text()};
    }
    switch (*status) {
    case 0:
        return {Claim::yours, ""};
    case 1:
        return {Claim::theirs, ""};
    default:
        return {Claim::unknown, "exit status " + std::to_string(*status)};
    }
}

}  // namespace xl_colo
