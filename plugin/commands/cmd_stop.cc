#include "commands/cmd_stop.h"

#include <unistd.h>

#include <cstdlib>

#include "commands/outcome.h"
#include "commands/replicate.h"
#include "control/control_server.h"

namespace xl_colo {

int cmd_stop(const StopOptions& options)
{
    const std::string domain =
        controlled_name(options.domain, local_patience);
    const auto before = ask_status(domain, local_patience);
    const int status =
        tell_outcome(domain, ask_stop(domain, options.timeout));
    // One that has lost its other host keeps what that will lack.
    const bool was_protected =
        before && before->role == Role::primary &&
        before->state != State::unprotected && before->state != State::held;
    if (status != EXIT_SUCCESS || options.keep_replicas || !was_protected) {
        return status;
    }
    const auto log = make_xentoollog(STDERR_FILENO, "colo", LogLevel::notice,
                                     isatty(STDERR_FILENO) == 1);
    if (auto s = take_off_replicas(domain, *log); !s) {
        log->error("domain " + domain + ": a disk stays on DRBD: " +
                   s.error().text() + "; then \"xl-colo-replicate off " +
                   domain + "\"");
        return EXIT_FAILURE;
    }
    return status;
}

}  // namespace xl_colo
