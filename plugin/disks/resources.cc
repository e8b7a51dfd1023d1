#include "disks/resources.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <sstream>

#include "disks/block_devices.h"

namespace xl_colo {

namespace {

constexpr unsigned drbd_major = 147;  // Documentation/admin-guide/devices.txt
constexpr size_t longest_resource = 64;
const std::string prefix = "xl-colo-";

Result<std::optional<DrbdVolume>> optional(Result<DrbdVolume> volume)
{
    if (!volume) {
        return volume.error();
    }
    return std::optional(std::move(*volume));
}

}  // namespace

std::optional<unsigned> minor_beneath(const DmTable& table)
{
    if (table.size() != 1 || table.front().type != "linear") {
        return std::nullopt;
    }
    std::istringstream words(table.front().parameters);
    unsigned major = 0, minor = 0;
    Sectors start = 1;
    char colon = 0;
    if (!(words >> major >> colon >> minor >> start) || colon != ':' ||
        major != drbd_major || start != 0) {
        return std::nullopt;
    }
    return minor;
}

DmTable table_on(const DrbdVolume& volume, Sectors size)
{
    return {{0, size, "linear", device_of(volume) + " 0"}};
}

Result<std::string> dm_name_of(const std::string& resource, unsigned volume)
{
    const bool plain =
        !resource.empty() && resource.size() <= longest_resource &&
        std::ranges::all_of(resource, [](unsigned char c) {
            return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '_' ||
                                c == '-');
        });
    if (!plain) {
        return Error(ErrorKind::refused,
                     "has a disk on a DRBD resource whose name has other "
                     "characters than letters, digits, \".\", \"_\" and "
                     "\"-\", or more than 64");
    }
    return prefix + resource + "-" + std::to_string(volume);
}

std::optional<VolumeName> volume_in(const std::string& path)
{
    const std::string begin = path_of_dm(prefix);
    const size_t dash = path.rfind('-');
    if (!path.starts_with(begin) || dash < begin.size()) {
        return std::nullopt;
    }
    VolumeName name{path.substr(begin.size(), dash - begin.size()), 0};
    const char* const end = path.data() + path.size();
    const auto parsed =
        std::from_chars(path.data() + dash + 1, end, name.volume);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
        return std::nullopt;
    }
    return name;
}

Result<std::optional<DrbdVolume>> volume_of(const DiskFacts& disk,
                                            DeviceMapper& dm, Drbd& drbd)
{
    if (!disk.path.empty() && !disk.path.starts_with('/')) {
        return optional(drbd.find(disk.path, 0));
    }
    const auto device = block_device_at(disk.path);
    if (!device) {
        return std::optional<DrbdVolume>();
    }
    if (major(*device) == drbd_major) {
        return optional(drbd.find_minor(minor(*device)));
    }
    const auto name = dm.name_of(*device);
    if (!name || !*name) {
        return name ? Result<std::optional<DrbdVolume>>(std::nullopt)
                    : name.error();
    }
    const auto table = dm.table(**name);
    if (!table) {
        return table.error();
    }
    const auto its = *table ? minor_beneath(**table) : std::nullopt;
    return its ? optional(drbd.find_minor(*its))
               : Result<std::optional<DrbdVolume>>(std::nullopt);
}

Status check_served_by(const DrbdVolume& volume, const DiskFacts& disk,
                       DeviceMapper& dm)
{
    const auto device = block_device_at(disk.path);
    const auto name = device ? dm.name_of(*device)
                             : Result<std::optional<std::string>>(std::nullopt);
    if (!name || !*name) {
        return name ? Status() : name.error();
    }
    const auto table = dm.table(**name);
    if (!table) {
        return table.error();
    }
    return *table && minor_beneath(**table) == volume.minor
               ? Status()
               : Error(ErrorKind::refused,
                       "somebody has changed " + disk.path +
                           ", which is not on DRBD's resource " +
                           volume.resource + " any more: what the guest wrote "
                           "since is on this host alone");
}

std::string device_of(const DrbdVolume& volume)
{
    return std::to_string(drbd_major) + ":" + std::to_string(volume.minor);
}

Result<Sectors> size_of(const DrbdVolume& volume)
{
    const auto size = size_of_block_device(device_of(volume));
    return size ? size
                : size.error().with_context("DRBD's resource " +
                                            volume.resource);
}

Result<std::string> lower_of(const DrbdVolume& volume, DeviceMapper& dm,
                             Drbd& drbd)
{
    const auto path = drbd.lower_device(volume.resource, volume.volume);
    if (!path) {
        return path.error();
    }
    const auto device = block_device_at(*path);
    const auto name = device ? dm.name_of(*device)
                             : Result<std::optional<std::string>>(std::nullopt);
    if (!name) {
        return name.error();
    }
    if (!*name) {
        return Error(ErrorKind::refused,
                     "has a disk on the DRBD resource " + volume.resource +
                         ", which is kept on " + *path +
                         " here: it must be a volume of LVM's, or another "
                         "device of device-mapper's");
    }
    return **name;
}

}  // namespace xl_colo
