// xl-colo-keep: has a guest protected again and again.
#pragma once

#include "commands/options.h"

namespace xl_colo {

int cmd_keep(const KeepOptions& options);

}  // namespace xl_colo
