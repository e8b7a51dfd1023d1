// A set of a guest's pages.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "base/units.h"

namespace xl_colo {

// One bit a page, as Xen's log-dirty bitmap: 32 KiB for a guest of 1 GiB.
// One thread at a time.
class PageSet {
public:
    // For pages below `gfns`.
    explicit PageSet(Pages gfns) : words_((gfns.value() + 63) / 64) {}

    // `pfn` lies below `gfns`: whoever read it from a stream has checked that.
    void insert(Pfn pfn)
    {
        uint64_t& word = words_[pfn.value() / 64];
        const uint64_t bit = uint64_t{1} << pfn.value() % 64;
        size_ += (word & bit) == 0;
        word |= bit;
    }
    void erase(Pfn pfn)
    {
        uint64_t& word = words_[pfn.value() / 64];
        const uint64_t bit = uint64_t{1} << pfn.value() % 64;
        size_ -= (word & bit) != 0;
        word &= ~bit;
    }
    void put(Pfn pfn, bool in) { in ? insert(pfn) : erase(pfn); }
    void insert_all(const PageSet& other)
    {
        for (size_t i = 0; i < other.words_.size(); ++i) {
            insert_word(i, other.words_[i]);
        }
    }
    bool contains(Pfn pfn) const
    {
        return words_[pfn.value() / 64] >> pfn.value() % 64 & 1;
    }
    Pages size() const { return Pages{size_}; }
    void clear();

    // Pfn 64 * i + b is bit b of word i.
    std::span<const uint64_t> words() const { return words_; }
    // Adds the pages of a whole word.
    void insert_word(size_t index, uint64_t bits)
    {
        uint64_t& word = words_[index];
        size_ += static_cast<uint64_t>(std::popcount(bits & ~word));
        word |= bits;
    }

    // Calls visit(Pfn) for each page, ascending.
    template <typename Visit>
    void for_each(Visit visit) const
    {
        for (size_t i = 0; i < words_.size(); ++i) {
            for (uint64_t rest = words_[i]; rest; rest &= rest - 1) {
                visit(Pfn{i * 64 + static_cast<uint64_t>(
                                       std::countr_zero(rest))});
            }
        }
    }

private:
    std::vector<uint64_t> words_;
    uint64_t size_ = 0;
};

}  // namespace xl_colo
