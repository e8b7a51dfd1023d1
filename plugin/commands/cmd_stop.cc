#include "commands/cmd_stop.h"

#include "commands/outcome.h"
#include "control/control_server.h"

namespace xl_colo {

int cmd_stop(const StopOptions& options)
{
    return tell_outcome(options.domain,
                        ask_stop(options.domain, options.timeout));
}

}  // namespace xl_colo
