#include "fencing/shell_witness.h"

namespace xl_colo {

Result<int> ShellWitness::ask(const char* action,
                              const Interrupted& interrupted)
{
    const char* const role =
        side_ == Side::primary ? "primary" : "secondary";
    return run_command(command_,
                       {"XL_COLO_SESSION=" + session_,
                        std::string("XL_COLO_ROLE=") + role,
                        "XL_COLO_DOMAIN=" + domain_,
                        std::string("XL_COLO_ACTION=") + action},
                       time_limit, interrupted);
}

ClaimAnswer ShellWitness::claim(const Interrupted& interrupted)
{
    const auto status = ask("claim", interrupted);
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

Status ShellWitness::release()
{
    const auto status = ask("release", nullptr);
    if (!status) {
        return status.error();
    }
    if (*status != 0) {
        return Error(ErrorKind::refused,
                     "exit status " + std::to_string(*status));
    }
    return {};
}

}  // namespace xl_colo
