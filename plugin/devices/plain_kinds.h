// The kinds that have no code of their own: what is refused, and why; what
// needs nothing; and what every guest has.
#pragma once

#include "devices/device_kind.h"

namespace xl_colo {

// What is the same whether both copies run or not.
DeviceKinds plain_device_kinds();

}  // namespace xl_colo
