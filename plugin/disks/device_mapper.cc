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

Status check_may_stand_twice(const std::string& name, const DmTable& table)
{
    for (const DmTarget& target : table) {
        if (target.type != "linear" && target.type != "striped" &&
            target.type != "crypt") {
            return Error(ErrorKind::refused,
                         path_of_dm(name) + " is of device-mapper's kind \"" +
                             target.type + "\" here: only linear, striped and "
                             "crypt can have layers of ours");
        }
    }
    return {};
}

}  // namespace xl_colo
