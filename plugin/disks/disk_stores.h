// The two stores of one disk's snapshots, by what the admin wants: in memory,
// in files without a name, or as parts of a device.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "devices/disk_store.h"
#include "disks/cow_store.h"
#include "disks/device_mapper.h"
#include "disks/device_store.h"

namespace xl_colo {

// One thread. `dm` outlives it.
class DiskStores {
public:
    // Of the `nth` of so many disks, which share a device.
    DiskStores(DiskStore wanted, size_t nth, size_t of, DeviceMapper& dm);

    // Looks where they are to be. Error refused when they cannot be there.
    Status find();
    // What each of them may hold, for a disk of so many sectors; after find().
    Result<Bytes> size_for(Sectors disk) const;
    // Number `i`, by `name` if it is a device of device-mapper's.
    Result<std::unique_ptr<CowStore>> make(size_t i, const std::string& name,
                                           Bytes size);

private:
    const DiskStore wanted_;
    const size_t nth_, of_;
    DeviceMapper& dm_;
    StoreDevice device_;                 // if there is one
    std::array<StorePart, 2> shares_{};  // of that, this disk's
};

}  // namespace xl_colo
