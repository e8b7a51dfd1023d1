// All kinds of devices that there are.
#pragma once

#include "devices/device_kind.h"
#include "session/output.h"

namespace xl_colo {

// They live as long as the program.
DeviceKinds device_kinds(Output output);

}  // namespace xl_colo
