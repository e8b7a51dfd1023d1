// Lists of B, for the tests of both ends of their way back to the primary.
#pragma once

#include <vector>

#include "relay/dirty_set_frame.h"

namespace xl_colo {

using List = std::vector<uint64_t>;

constexpr Pages gfns{1 << 20};

inline List range(uint64_t first, uint64_t count)
{
    List list;
    for (uint64_t i = 0; i < count; ++i) {
        list.push_back(first + i);
    }
    return list;
}

// The bodies of DIRTY_SET frames but for the checkpoint's number.
inline std::vector<Buffer> set_bodies(const List& list, Pages guest = gfns)
{
    PageSet set(guest);
    for (const uint64_t pfn : list) {
        set.insert(Pfn{pfn});
    }
    std::vector<Buffer> bodies;
    for (DirtySetEncoder encoder(set, guest); !encoder.done();) {
        bodies.push_back(encoder.next());
    }
    return bodies;
}

}  // namespace xl_colo
