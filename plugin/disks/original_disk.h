// The disk of the primary's guest, on DRBD: what is asked of that at each
// checkpoint, and what becomes of it when the guest is the other host's.
#pragma once

#include <memory>

#include "devices/device_kind.h"

namespace xl_colo {

// See replicated_disk.h.
std::unique_ptr<CheckpointDevice> make_original_disk(
    DeviceFacts facts, const DeviceContext& context);

}  // namespace xl_colo
