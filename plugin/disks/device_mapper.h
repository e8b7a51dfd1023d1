// Device-mapper, as far as disks need it: tables by name.
//
// A table that is replaced takes effect at an instant: whatever is under way on
// the device is waited for, what comes meanwhile waits, and whoever has it open
// notices nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

using Sectors = uint64_t;  // of 512 bytes

struct DmTarget {
    Sectors start = 0;
    Sectors length = 0;
    std::string type;
    std::string parameters;  // of a table, or what a status says
    bool operator==(const DmTarget&) const = default;
};
using DmTable = std::vector<DmTarget>;

// Any thread; one call waits for another. Errors: io, with the device's name;
// refused, where the kernel has no device-mapper.
class DeviceMapper {
public:
    virtual ~DeviceMapper() = default;

    // Nothing: there is no device of that name.
    virtual Result<std::optional<DmTable>> table(const std::string& name) = 0;
    virtual Result<DmTable> status(const std::string& name) = 0;
    // Whether anybody has it open, another device among them.
    virtual Result<bool> is_open(const std::string& name) = 0;
    // "major:minor", as tables have it.
    virtual Result<std::string> device_of(const std::string& name) = 0;
    // Nothing for a device that is none of device-mapper's.
    virtual Result<std::optional<std::string>> name_of(dev_t device) = 0;

    virtual Status create(const std::string& name, const DmTable& table) = 0;
    // The next one, which takes effect at the next swap(). What a target reads
    // from its devices it may read here.
    virtual Status load(const std::string& name, const DmTable& table) = 0;
    // Waits for what is under way; what comes waits until the next swap().
    virtual Status suspend(const std::string& name) = 0;
    // Also without a table that waits: then the targets only start anew.
    virtual Status swap(const std::string& name) = 0;
    Status replace(const std::string& name, const DmTable& table);
    // One that is open goes once it is closed.
    virtual Status remove(const std::string& name) = 0;
};

// Over libdevmapper, which makes the nodes in /dev/mapper, or has udev make
// them.
std::unique_ptr<DeviceMapper> make_device_mapper();

// Whether a second device may have that table, as what is beneath a new layer:
// targets that keep notes of their own on the disk (raid, cache, thin) would
// have two writers of these. Error refused, with what `name` is.
Status check_may_stand_twice(const std::string& name, const DmTable& table);

// Where its node is.
std::string path_of_dm(const std::string& name);

}  // namespace xl_colo
