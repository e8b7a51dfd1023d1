// Where the secondary keeps what a disk was at the last checkpoint, as far as
// it has been overwritten since.
#pragma once

#include <optional>
#include <string>

#include "base/units.h"

namespace xl_colo {

struct DiskStore {
    enum class Kind { memory, file, device };

    Kind kind = Kind::memory;
    std::string device;  // path of a block device; empty for other kinds
    // Of each of a disk's two. None: by what is free there.
    std::optional<Bytes> size;
    bool operator==(const DiskStore&) const = default;
};

// Where it is, in a word: "memory", "file", or the device's path.
inline std::string to_string(const DiskStore& store)
{
    return store.kind == DiskStore::Kind::memory ? "memory"
           : store.kind == DiskStore::Kind::file ? "file"
                                                 : store.device;
}

// The other way round, without a size.
inline std::optional<DiskStore> parse_disk_store(const std::string& text)
{
    if (text.starts_with("/dev/")) {
        return DiskStore{DiskStore::Kind::device, text, {}};
    }
    for (const auto kind : {DiskStore::Kind::memory, DiskStore::Kind::file}) {
        if (text == to_string(DiskStore{kind, "", {}})) {
            return DiskStore{kind, "", {}};
        }
    }
    return std::nullopt;
}

}  // namespace xl_colo
