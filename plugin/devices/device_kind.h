// What makes the devices: each kind knows which of a guest's devices are its
// own, and what speaks against protecting a guest that has them. A device that
// no kind takes is refused by that walk, and by no list elsewhere.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/left_out.h"
#include "base/log.h"
#include "base/result.h"
#include "devices/checkpoint_device.h"
#include "devices/device_channel.h"
#include "devices/disk_store.h"
#include "hypervisor/host.h"
#include "status/status.h"

namespace xl_colo {

// What a device has to work with; all of it outlives the device.
struct DeviceContext {
    Role role;
    Log& log;
    // Has a checkpoint begin as soon as the one under way, if any, is done. For
    // either role, any thread. Says why in a few words.
    std::function<void(const std::string& why)> ask_for_checkpoint;
    // Primary, any thread: the guest stands until as many unpauses, also where
    // this process dies meanwhile. Errors: libxl.
    std::function<Status()> pause_guest, unpause_guest;
    DiskStore disk_store{};
    bool verify_contents = false;  // CheckpointDevice::contents() will be asked
    // To the same device on the other host; null where none is to be told
    // anything. `place`: the device's, in it.
    DeviceChannel* channel = nullptr;
    size_t place = 0;
    // Primary, where the copy runs: how long output of the guest's waits for
    // the copy's.
    std::chrono::milliseconds compare_timeout{};
    // Secondary: keeps what has to be there as long as the guest is, once that
    // has been taken over. May be empty; the log outlives it.
    std::function<void(std::shared_ptr<void>)> keep_with_guest{};
    // Of the guest's devices of that kind it is number `nth`, from 0, of `of`.
    size_t nth = 0, of = 1;
    LeftOut left_out{};
};

class DeviceKind {
public:
    virtual ~DeviceKind() = default;
    virtual bool takes(const DeviceFacts& device) const = 0;
    // `mine`: all of the guest's that it takes, at least one. Error refused
    // with what an admin can do about it.
    virtual Status check(const std::vector<DeviceFacts>& mine) const = 0;
    // What this host lacks for them, beforehand. Error as above.
    virtual Status check_host(const std::vector<DeviceFacts>&) const
    {
        return {};
    }
    // Null: a checkpoint needs nothing of it. Only after a check() without an
    // error.
    virtual std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& device, const DeviceContext& context) const = 0;
};

// In the order in which they are asked; they live as long as the program.
using DeviceKinds = std::span<const DeviceKind* const>;

// Whether a guest that has these can be protected. Error refused.
Status check_devices(DeviceKinds kinds,
                     const std::vector<DeviceFacts>& devices);
// Whether this host has what they need; after check_devices(). Error refused.
Status check_host_for_devices(DeviceKinds kinds,
                              const std::vector<DeviceFacts>& devices);

}  // namespace xl_colo
