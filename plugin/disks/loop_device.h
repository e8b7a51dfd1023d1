// A file as a block device.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace xl_colo {

struct LoopDevice {
    UniqueFd fd;         // the device lives as long as somebody has it open
    std::string path;    // "/dev/loop0"
    std::string number;  // "major:minor"
};

// `file` may be closed then. Errors: refused, where the kernel has no such
// devices; io.
Result<LoopDevice> make_loop_device(int file);

}  // namespace xl_colo
