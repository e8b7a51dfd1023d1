#include "disks/replicated_disk.h"

#include <memory>
#include <optional>
#include <utility>

#include "devices/disk_driver.h"
#include "disks/copys_disk.h"
#include "disks/original_disk.h"
#include "disks/resources.h"

namespace xl_colo {

namespace {

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

Error with(const DeviceFacts& disk, const std::string& what)
{
    return refused("has a disk (" + disk.name + ") " + what);
}

class ReplicatedDiskKind : public DeviceKind {
public:
    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::disk && device.writable;
    }

    // The facts may be a peer's: of these, only the resource counts.
    Status check(const std::vector<DeviceFacts>& mine) const override
    {
        for (const DeviceFacts& disk : mine) {
            if (disk.disk.elsewhere) {
                return with(disk, "whose backend is in another domain than "
                                  "domain 0: detach it");
            }
            if (disk.disk.resource.empty()) {
                return with(disk, "that it can write to, " +
                                      (disk.disk.path.empty()
                                           ? ""
                                           : disk.disk.path + ", ") +
                                      "which is not replicated: put it on DRBD "
                                      "(phy:/dev/drbd0), or detach it");
            }
            if (auto name = dm_name_of(disk.disk.resource, disk.disk.volume);
                !name) {
                return name.error();
            }
        }
        return {};
    }

    Status check_host(const std::vector<DeviceFacts>& mine) const override
    {
        const auto drbd = make_drbd();
        for (const DeviceFacts& disk : mine) {
            const auto volume =
                drbd->find(disk.disk.resource, disk.disk.volume);
            if (!volume) {
                return volume.error();
            }
            if (auto s = check_in_step(*volume); !s) {
                return with(disk, "that is not replicated: " +
                                      s.error().text());
            }
            const auto protocol = drbd->protocol(disk.disk.resource);
            if (!protocol) {
                return protocol.error();
            }
            if (*protocol != 'C') {
                return with(disk, std::string("on the DRBD resource ") +
                                      disk.disk.resource +
                                      ", which uses protocol " + *protocol +
                                      ": only with protocol C the other host "
                                      "has what the guest was told is "
                                      "written");
            }
            // A host that has the guest may have the copy later.
            const auto dm = make_device_mapper();
            if (auto lower = lower_of(*volume, *dm, *drbd); !lower) {
                return lower.error();
            }
        }
        return {};
    }

    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& device, const DeviceContext& context) const override
    {
        if (context.role == Role::primary) {
            return make_original_disk(device, context);
        }
        return make_copys_disk(device, context, CopysDiskBegin::anew);
    }
};

}  // namespace

Status find_resources(std::vector<DeviceFacts>& devices)
{
    std::unique_ptr<DeviceMapper> dm;
    std::unique_ptr<Drbd> drbd;
    for (DeviceFacts& device : devices) {
        if (device.type != DeviceType::disk || !device.writable ||
            device.disk.elsewhere || !device.disk.block_device) {
            continue;
        }
        if (!dm) {
            dm = make_device_mapper();
            drbd = make_drbd();
        }
        const auto volume = volume_of(device.disk, *dm, *drbd);
        if (!volume) {
            return volume.error().with_context("disk " + device.name);
        }
        if (*volume) {
            device.disk.resource = (*volume)->resource;
            device.disk.volume = (*volume)->volume;
        }
    }
    return {};
}

DeviceSet adopt_disks(Role role, Domain& domain,
                      std::vector<DeviceFacts> devices, Log& log)
{
    DeviceSet disks;
    const DeviceContext context{role, log, [](const std::string&) {}, {},
                                {}};
    if (role == Role::primary) {
        if (auto s = find_resources(devices); !s) {
            log.warn(s.error().text());
        }
    }
    for (DeviceFacts& device : devices) {
        if (device.type != DeviceType::disk) {
            continue;
        }
        if (role == Role::secondary && !device.writable &&
            device.used_by_pv_driver) {
            disks.add(device.name, make_read_only_disk(device));
        }
        if (!device.writable) {
            continue;
        }
        if (role == Role::primary && !device.disk.resource.empty()) {
            disks.add(device.name, make_original_disk(device, context));
        }
        const auto volume = role == Role::secondary
                                ? volume_in(device.disk.path)
                                : std::nullopt;
        if (volume) {
            device.disk.resource = volume->resource;
            device.disk.volume = volume->volume;
            disks.add(device.name,
                      make_copys_disk(device, context,
                                      CopysDiskBegin::with_what_is_left));
        }
    }
    DiskPaths none;
    if (auto s = disks.prepare(none); !s) {
        log.error(s.error().text());
    }
    if (role == Role::secondary) {
        if (auto s = disks.set_up(domain); !s) {
            log.error(s.error().text());
        }
    }
    // Until somebody knows.
    disks.protection_ended(State::held);
    return disks;
}

const DeviceKind& replicated_disk_kind()
{
    static const ReplicatedDiskKind kind;
    return kind;
}

}  // namespace xl_colo
