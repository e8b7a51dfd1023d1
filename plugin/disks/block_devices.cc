#include "disks/block_devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

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

std::string number_of(dev_t device)
{
    return std::to_string(major(device)) + ":" + std::to_string(minor(device));
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

// Documentation/block/stat.rst: 11 numbers, or more since discards (4.18) and
// flushes (5.5) are counted.
Result<BlockActivity> parse_block_activity(const std::string& stat)
{
    constexpr size_t writes = 4, in_flight = 8, discards = 11;
    std::array<uint64_t, discards + 1> numbers{};
    std::istringstream words(stat);
    size_t count = 0;
    while (count < numbers.size() && words >> numbers[count]) {
        ++count;
    }
    if (count <= in_flight) {
        return io_error("cannot understand a block device's statistics", EIO);
    }
    return BlockActivity{numbers[writes] + numbers[discards],
                         numbers[in_flight]};
}

Result<BlockActivity> block_activity(const std::string& number)
{
    std::ostringstream text;
    text << std::ifstream("/sys/dev/block/" + number + "/stat").rdbuf();
    auto activity = parse_block_activity(text.str());
    return activity ? activity
                    : activity.error().with_context("device " + number);
}

}  // namespace xl_colo
