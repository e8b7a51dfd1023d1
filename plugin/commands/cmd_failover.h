// xl-colo-failover: takes over now, on the secondary.
#pragma once

#include "commands/options.h"

namespace xl_colo {

int cmd_failover(const FailoverOptions& options);

}  // namespace xl_colo
