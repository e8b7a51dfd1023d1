#include "commands/cmd_failover.h"

#include "commands/outcome.h"
#include "control/control_server.h"

namespace xl_colo {

int cmd_failover(const FailoverOptions& options)
{
    const std::string domain =
        controlled_name(options.domain, local_patience);
    return tell_outcome(domain, ask_failover(domain, options.timeout));
}

}  // namespace xl_colo
