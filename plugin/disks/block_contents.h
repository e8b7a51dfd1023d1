// A block device's contents, past the page cache.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "devices/device_contents.h"

namespace xl_colo {

// Error io. Of a file, too, as far as its file system can.
Result<std::unique_ptr<DeviceContents>> open_contents(const std::string& path);

}  // namespace xl_colo
