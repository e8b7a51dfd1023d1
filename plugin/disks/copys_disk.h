// The disk of a copy, on the secondary: what the guest's was at the last
// checkpoint, and, once the copy takes over, the guest's.
#pragma once

#include <memory>

#include "devices/device_kind.h"

namespace xl_colo {

enum class CopysDiskBegin {
    anew,
    with_what_is_left,  // by a process that is gone
};

// See replicated_disk.h.
std::unique_ptr<CheckpointDevice> make_copys_disk(DeviceFacts facts,
                                                  const DeviceContext& context,
                                                  CopysDiskBegin begin);

}  // namespace xl_colo
