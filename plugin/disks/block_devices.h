// What the kernel says of block devices.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "disks/device_mapper.h"

namespace xl_colo {

// Nothing if there is no block device of that path.
std::optional<dev_t> block_device_at(const std::string& path);

// The length of "major:minor"; also of one that cannot be opened, as that of a
// Secondary of DRBD's. Error io, with a code.
Result<Sectors> size_of_block_device(const std::string& number);

}  // namespace xl_colo
