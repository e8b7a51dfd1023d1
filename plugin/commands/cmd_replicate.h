// xl-colo-replicate.
#pragma once

#include "commands/options.h"

namespace xl_colo {

int cmd_replicate(const ReplicateOptions& options);

}  // namespace xl_colo
