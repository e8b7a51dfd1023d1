#include "devices/plain_kinds.h"

#include <unistd.h>

#include "devices/disk_driver.h"
#include "devices/pv_connection.h"

namespace xl_colo {

namespace {

std::string names(const std::vector<DeviceFacts>& devices)
{
    std::string line;
    for (const DeviceFacts& device : devices) {
        line += (line.empty() ? "" : ", ") + device.name;
    }
    return line;
}

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

class RefusedKind : public DeviceKind {
public:
    std::unique_ptr<CheckpointDevice> make(const DeviceFacts&,
                                           const DeviceContext&) const override
    {
        return nullptr;
    }
};

// The two hosts have the same in it. How far the guest is with one that QEMU
// emulates, a CD-ROM drive perhaps, is in QEMU's state.
class ReadOnlyDiskKind : public DeviceKind {
public:
    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::disk && !device.writable;
    }
    Status check(const std::vector<DeviceFacts>&) const override { return {}; }
    // libxl makes a guest's disks when all of its memory has been copied: late
    // to hear of one that is not there.
    Status check_host(const std::vector<DeviceFacts>& mine) const override
    {
        for (const DeviceFacts& device : mine) {
            const std::string& path = device.disk.path;
            if (device.disk.elsewhere || !path.starts_with('/') ||
                access(path.c_str(), F_OK) == 0) {
                continue;
            }
            return refused("has a read-only disk (" + device.name + "), " +
                           path + ", which is not on this host: put the same "
                           "there, or detach it");
        }
        return {};
    }
    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& device, const DeviceContext& context) const override
    {
        return context.role == Role::secondary && device.used_by_pv_driver
                   ? make_read_only_disk(device)
                   : nullptr;
    }
};

// Both copies would act on them, and nobody compares what they do.
class ActingDevice : public RefusedKind {
public:
    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::acting;
    }
    Status check(const std::vector<DeviceFacts>& mine) const override
    {
        return refused("has devices on which both copies would act (" +
                       names(mine) + "): detach them");
    }
};

class PvConnectionKind : public DeviceKind {
public:
    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::pv_connection;
    }
    Status check(const std::vector<DeviceFacts>&) const override { return {}; }
    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& device, const DeviceContext& context) const override
    {
        return make_pv_connection(device, context);
    }
};

}  // namespace

DeviceKinds plain_device_kinds()
{
    static const ReadOnlyDiskKind read_only_disk;
    static const ActingDevice acting_device;
    static const PvConnectionKind pv_connection;
    static const DeviceKind* const all[] = {
        &read_only_disk, &acting_device, &pv_connection,
    };
    return all;
}

}  // namespace xl_colo
