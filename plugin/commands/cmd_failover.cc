#include "commands/cmd_failover.h"

#include "commands/outcome.h"
#include "control/control_server.h"

namespace xl_colo {

int cmd_failover(const FailoverOptions& options)
{
    return tell_outcome(options.domain,
                        ask_failover(options.domain, options.timeout));
}

}  // namespace xl_colo
