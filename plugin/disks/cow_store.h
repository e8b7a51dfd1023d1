// Where a snapshot puts what has changed: a block device in this host's memory,
// or in a file without a name, either of which takes as much room as has been
// written, up to its size; or a part of a device of the admin's, which is
// device_store.h's.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// One thread at a time. What uses the device keeps it alive: it goes when that
// has closed it, and this is gone, even if this process has died before.
class CowStore {
public:
    virtual ~CowStore() = default;
    // "major:minor", as tables of device-mapper name it.
    virtual std::string device() const = 0;
    // Empty again, for a snapshot to begin with, and takes no memory. Nobody
    // may have it open.
    virtual Status clear() = 0;
    // Whether what it grows in has room for a snapshot to begin; error refused.
    virtual Status check_room() const { return {}; }
};

// A loop device on that. Error io, or refused where the kernel has no loop
// devices.
Result<std::unique_ptr<CowStore>> make_memory_store(Bytes size);
// In this folder, which must be on a file system that knows of holes in files.
Result<std::unique_ptr<CowStore>> make_file_store(const std::string& folder,
                                                  Bytes size);

}  // namespace xl_colo
