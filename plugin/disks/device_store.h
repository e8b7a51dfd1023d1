// A block device of an admin's, with the stores of all of a guest's disks: two
// for each, all alike, one after another behind the first MiB. That one begins
// with our name, so that a device which holds anything else is not taken for
// it. No volume is made here: who gives one LV decides what the stores take,
// whatever disks the guest gets, and LVM's metadata stay as they are.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "disks/cow_store.h"
#include "disks/device_mapper.h"

namespace xl_colo {

struct StoreDevice {
    std::string path;
    dev_t number = 0;
    Sectors size = 0;
};

// Error refused, for an admin, when it is not there or no block device.
Result<StoreDevice> find_store_device(const std::string& path);

// Where number `nth` of `of` stores is; `length` is the most that it can have.
// Error refused when that is less than 1 MiB.
struct StorePart {
    Sectors start = 0, length = 0;
};
Result<StorePart> store_part(const StoreDevice& device, size_t nth, size_t of);

// As device-mapper's device `name`, which stays until somebody removes it.
// Errors: refused, for an admin, when somebody else uses the device, or it
// holds something else; io.
Result<std::unique_ptr<CowStore>> make_device_store(const StoreDevice& device,
                                                    StorePart part,
                                                    const std::string& name,
                                                    DeviceMapper& dm);

// What that looks at. `holders`: of device-mapper's, those on the device; none
// of them may be anything but a store beside `part`.
Status check_holders(const StoreDevice& device, StorePart part,
                     const std::vector<std::string>& holders,
                     DeviceMapper& dm);
// An open device: ours, or blank, and then ours from here on.
Status claim_for_stores(int device, const std::string& path);

}  // namespace xl_colo
