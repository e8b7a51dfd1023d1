// Device-mapper without a kernel: tables by name, what became of them, and a
// fault where a test wants one ("create", "load", "swap", "remove").
#pragma once

#include <map>
#include <string>
#include <vector>

#include "disks/device_mapper.h"

#include "faults.h"

namespace xl_colo {

class FakeDeviceMapper : public DeviceMapper {
public:
    struct Device {
        DmTable active, next;
        bool open = false, suspended = false;
        std::string status;  // of a snapshot or a merge
    };

    Result<std::optional<DmTable>> table(const std::string& name) override
    {
        const auto device = devices.find(name);
        return device == devices.end() ? std::optional<DmTable>()
                                       : std::optional(device->second.active);
    }
    Result<DmTable> status(const std::string& name) override
    {
        const Device& device = devices.at(name);
        DmTable table = device.active;
        table.front().parameters = device.status;
        return table;
    }
    Result<bool> is_open(const std::string& name) override
    {
        return devices.at(name).open;
    }
    Result<std::string> device_of(const std::string& name) override
    {
        return "/dev/mapper/" + name;
    }
    Result<std::optional<std::string>> name_of(dev_t device) override
    {
        const auto name = names.find(device);
        return name == names.end() ? std::optional<std::string>()
                                   : std::optional(name->second);
    }
    Status create(const std::string& name, const DmTable& table) override
    {
        if (auto s = faults.pass("create"); !s) {
            return s;
        }
        if (devices.contains(name)) {
            return Error(ErrorKind::io, name + " is there already");
        }
        devices[name].active = table;
        devices[name].status = "16/2048 16";
        done.push_back("create " + name + " " + text(table));
        return {};
    }
    Status load(const std::string& name, const DmTable& table) override
    {
        if (auto s = faults.pass("load"); !s) {
            return s;
        }
        devices.at(name).next = table;
        done.push_back("load " + name + " " + text(table));
        return {};
    }
    Status suspend(const std::string& name) override
    {
        if (auto s = faults.pass("suspend"); !s) {
            return s;
        }
        devices.at(name).suspended = true;
        done.push_back("suspend " + name);
        return {};
    }
    Status swap(const std::string& name) override
    {
        if (auto s = faults.pass("swap"); !s) {
            return s;
        }
        Device& device = devices.at(name);
        device.suspended = false;
        if (!device.next.empty()) {
            device.active = std::exchange(device.next, {});
        }
        done.push_back("swap " + name);
        return {};
    }
    Status remove(const std::string& name) override
    {
        if (auto s = faults.pass("remove"); !s) {
            return s;
        }
        if (devices.erase(name) == 0) {
            return Error(ErrorKind::io, name + " is not there");
        }
        done.push_back("remove " + name);
        return {};
    }

    // "type parameters" of its only target.
    std::string active(const std::string& name) const
    {
        const auto device = devices.find(name);
        return device == devices.end() ? "none" : text(device->second.active);
    }

    std::map<std::string, Device> devices;
    std::map<dev_t, std::string> names;
    std::vector<std::string> done;
    Faults faults;

private:
    static std::string text(const DmTable& table)
    {
        const DmTarget& target = table.front();
        return target.type +
               (target.parameters.empty() ? "" : " " + target.parameters);
    }
};

}  // namespace xl_colo
