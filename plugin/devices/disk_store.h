// Where the secondary keeps what a disk was at the last checkpoint, as far as
// it has been overwritten since.
#pragma once

#include <optional>
#include <string>

#include "base/units.h"

namespace xl_colo {

struct DiskStore {
    enum class Kind { memory, file };

    Kind kind = Kind::memory;
    // Of each of a disk's two. None: by what is free there.
    std::optional<Bytes> size;
    bool operator==(const DiskStore&) const = default;
};

inline std::string to_string(DiskStore::Kind kind)
{
    return kind == DiskStore::Kind::memory ? "memory" : "file";
}

inline std::optional<DiskStore::Kind> parse_disk_store(const std::string& text)
{
    for (const auto kind : {DiskStore::Kind::memory, DiskStore::Kind::file}) {
        if (text == to_string(kind)) {
            return kind;
        }
    }
    return std::nullopt;
}

}  // namespace xl_colo
