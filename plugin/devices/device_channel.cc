#include "devices/device_channel.h"

#include <utility>

#include "wire/frame.h"

namespace xl_colo {

Status DeviceChannel::tell(size_t device, View words)
{
    const Buffer head = BodyWriter().u64(device).take();
    return send_(head, words);
}

void DeviceChannel::listen(size_t device, Hear hear)
{
    const std::lock_guard lock(mutex_);
    if (hear) {
        listeners_[device] = std::move(hear);
    } else {
        listeners_.erase(device);
    }
}

// One that nobody listens for was set up too late, or torn down already.
Status DeviceChannel::come(View body)
{
    BodyReader reader(body);
    const auto device = reader.u64();
    if (!device) {
        return device.error();
    }
    const std::lock_guard lock(mutex_);
    const auto listener = listeners_.find(*device);
    return listener == listeners_.end() ? Status()
                                        : listener->second(reader.rest());
}

}  // namespace xl_colo
