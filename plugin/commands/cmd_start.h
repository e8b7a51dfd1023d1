// xl-colo-start: protects a running guest.
#pragma once

#include "commands/options.h"

namespace xl_colo {

int cmd_start(const StartOptions& options);

}  // namespace xl_colo
