#include "devices/device_kind.h"

#include <algorithm>

namespace xl_colo {

Status check_devices(DeviceKinds kinds,
                     const std::vector<DeviceFacts>& devices)
{
    std::vector<DeviceFacts> rest = devices;
    for (const DeviceKind* kind : kinds) {
        const auto others = std::stable_partition(
            rest.begin(), rest.end(),
            [kind](const DeviceFacts& device) { return kind->takes(device); });
        const std::vector<DeviceFacts> mine(rest.begin(), others);
        rest.erase(rest.begin(), others);
        if (mine.empty()) {
            continue;
        }
        if (auto s = kind->check(mine); !s) {
            return s;
        }
    }
    if (!rest.empty()) {
        return Error(ErrorKind::refused,
                     "has a device that nothing here knows how to protect (" +
                         rest.front().name + "): detach it");
    }
    return {};
}

}  // namespace xl_colo
