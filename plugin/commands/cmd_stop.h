// xl-colo-stop: ends protection in order, on the primary.
#pragma once

#include "commands/options.h"

namespace xl_colo {

int cmd_stop(const StopOptions& options);

}  // namespace xl_colo
