// The kinds that have no code of their own: what is refused, and why; what
// needs nothing; and what every guest has.
#pragma once

#include "devices/device_kind.h"

namespace xl_colo {

// What is the same whether both copies run or not.
DeviceKinds plain_device_kinds();

// What is refused where both copies run; to be asked before the plain ones.
DeviceKinds kinds_refused_where_both_run();

}  // namespace xl_colo
