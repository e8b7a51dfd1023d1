// xl-colo-status: how protection of this host's guests is going.
#pragma once

#include "commands/options.h"

namespace xl_colo {

// Success when every domain shown is being protected.
int cmd_status(const StatusOptions& options);

}  // namespace xl_colo
