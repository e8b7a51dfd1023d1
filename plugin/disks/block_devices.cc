#include "disks/block_devices.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>

#include "base/errors.h"

namespace xl_colo {

std::optional<dev_t> block_device_at(const std::string& path)
{
    struct stat stat{};
    if (::stat(path.c_str(), &stat) != 0 || !S_ISBLK(stat.st_mode)) {
        return std::nullopt;
    }
    return stat.st_rdev;
}

Result<Sectors> size_of_block_device(const std::string& number)
{
    std::ifstream file("/sys/dev/block/" + number + "/size");
    Sectors size = 0;
    if (!(file >> size) || size == 0) {
        return io_error("cannot tell the size of device " + number, EIO);
    }
    return size;
}

}  // namespace xl_colo
