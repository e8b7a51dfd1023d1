// A set of a guest's pages.
#pragma once

#include <cstdint>
#include <vector>

#include "units.h"

namespace xl_colo {

// One bit a page, as Xen's log-dirty bitmap: 32 KiB for a guest of 1 GiB.
// One thread at a time.
class DirtySet {
public:
    // For pages below `gfns`.
    explicit DirtySet(Pages gfns) : words_((gfns.value() + 63) / 64) {}

    // `pfn` lies below `gfns`: whoever read it from a stream has checked that.
    void insert(Pfn pfn)
    {
        uint64_t& word = words_[pfn.value() / 64];
        const uint64_t bit = uint64_t{1} << pfn.value() % 64;
        size_ += (word & bit) == 0;
        word |= bit;
    }
    Pages size() const { return Pages{size_}; }
    void clear();

private:
    std::vector<uint64_t> words_;
    uint64_t size_ = 0;
};

}  // namespace xl_colo
