#include "disks/device_mapper.h"

namespace xl_colo {

Status DeviceMapper::replace(const std::string& name, const DmTable& table)
{
    const Status loaded = load(name, table);
    return loaded ? swap(name) : loaded;
}

std::string path_of_dm(const std::string& name)
{
    return "/dev/mapper/" + name;
}

}  // namespace xl_colo
