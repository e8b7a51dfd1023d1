// A guest's connection to xenstored, and its PV console. Every guest has them,
// and uses them if it has PV drivers. The copy's have to be made anew each time
// that a checkpoint is put into it: Domain::restart_pv_drivers().
#pragma once

#include <memory>

#include "devices/device_kind.h"

namespace xl_colo {

std::unique_ptr<CheckpointDevice> make_pv_connection(
    const DeviceFacts& device, const DeviceContext& context);

}  // namespace xl_colo
