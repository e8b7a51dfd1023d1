// The kinds that have no code of their own: what is refused, and why; what
// needs nothing; and what every guest has.
#pragma once

#include "devices/device_kind.h"

namespace xl_colo {

// All of them, but for network cards.
DeviceKinds plain_device_kinds();

// Network cards, where both copies run.
const DeviceKind& refused_network_card_kind();

}  // namespace xl_colo
