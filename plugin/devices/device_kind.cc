#include "devices/device_kind.h"

#include <algorithm>

namespace xl_colo {

namespace {

using Check = Status (DeviceKind::*)(const std::vector<DeviceFacts>&) const;

// Asks each kind about those that it takes, if any; leaves the rest.
Status ask_each(DeviceKinds kinds, Check check, std::vector<DeviceFacts>& rest)
{
    for (const DeviceKind* kind : kinds) {
        const auto others = std::stable_partition(
            rest.begin(), rest.end(),
            [kind](const DeviceFacts& device) { return kind->takes(device); });
        const std::vector<DeviceFacts> mine(rest.begin(), others);
        rest.erase(rest.begin(), others);
        if (mine.empty()) {
            continue;
        }
        if (auto s = (kind->*check)(mine); !s) {
            return s;
        }
    }
    return {};
}

}  // namespace

Status check_devices(DeviceKinds kinds,
                     const std::vector<DeviceFacts>& devices)
{
    std::vector<DeviceFacts> rest = devices;
    if (auto s = ask_each(kinds, &DeviceKind::check, rest); !s) {
        return s;
    }
    if (!rest.empty()) {
        return Error(ErrorKind::refused,
                     "has a device that nothing here knows how to protect (" +
                         rest.front().name + "): detach it");
    }
    return {};
}

Status check_host_for_devices(DeviceKinds kinds,
                              const std::vector<DeviceFacts>& devices)
{
    std::vector<DeviceFacts> rest = devices;
    return ask_each(kinds, &DeviceKind::check_host, rest);
}

}  // namespace xl_colo
