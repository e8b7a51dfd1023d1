#include "fencing/shell_fence.h"

#include "base/child_process.h"

namespace xl_colo {

Status ShellFence::run(const Interrupted& interrupted)
{
    const auto status = run_command(
        command_,
        {"XL_COLO_DOMAIN=" + domain_, "XL_COLO_PRIMARY=" + primary_},
        limit_, interrupted);
    if (!status) {
        return status.error();
    }
    return *status == 0 ? Status()
                        : Error(ErrorKind::refused,
                                "exit status " + std::to_string(*status));
}

}  // namespace xl_colo
