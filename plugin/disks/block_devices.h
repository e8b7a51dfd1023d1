// What the kernel says of block devices.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "disks/device_mapper.h"

namespace xl_colo {

// Nothing if there is no block device of that path.
std::optional<dev_t> block_device_at(const std::string& path);

// "major:minor", as tables of device-mapper's have it.
std::string number_of(dev_t device);

// The length of "major:minor"; also of one that cannot be opened, as that of a
// Secondary of DRBD's. Error io, with a code.
Result<Sectors> size_of_block_device(const std::string& number);

// Since the device is there: requests that change it, and those of any kind
// that are under way.
struct BlockActivity {
    uint64_t changes = 0, under_way = 0;
    bool operator==(const BlockActivity&) const = default;
};
// Of "major:minor". Error io.
Result<BlockActivity> block_activity(const std::string& number);
// What /sys/dev/block/.../stat says. Error io where it cannot be understood.
Result<BlockActivity> parse_block_activity(const std::string& stat);

}  // namespace xl_colo
