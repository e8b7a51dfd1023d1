#include "commands/cmd_stop.h"

#include "commands/outcome.h"
#include "control/control_server.h"

namespace xl_colo {

int cmd_stop(const StopOptions& options)
{
    const std::string domain =
        controlled_name(options.domain, local_patience);
    return tell_outcome(domain, ask_stop(domain, options.timeout));
}

}  // namespace xl_colo
