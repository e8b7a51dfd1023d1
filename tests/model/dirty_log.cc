#include "dirty_log.h"

#include <algorithm>
#include <cstring>

namespace xl_colo::model {

namespace {

constexpr uint64_t word_bits = 64;

}  // namespace

DirtyLog::DirtyLog(Pages gfns) : words_(gfns.value() / word_bits + 1) {}

void DirtyLog::mark(Pfn pfn)
{
    if (!on_) {
        return;
    }
    const uint64_t bit = uint64_t{1} << pfn.value() % word_bits;
    auto& word = words_[pfn.value() / word_bits];
    // Most writes go to a page that has been written to before.
    if (!(word.load(std::memory_order_relaxed) & bit) &&
        !(word.fetch_or(bit, std::memory_order_relaxed) & bit)) {
        count_.fetch_add(1, std::memory_order_relaxed);
    }
}

void DirtyLog::switch_to(bool on)
{
    clear();
    on_ = on;
}

void DirtyLog::copy(uint8_t* to, Pages gfns) const
{
    const size_t bytes = (gfns.value() + 7) / 8;
    for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
        const size_t index = at / sizeof(uint64_t);
        const uint64_t word = index < words_.size() ? words_[index].load() : 0;
        std::memcpy(to + at, &word, std::min(sizeof word, bytes - at));
    }
}

void DirtyLog::clear()
{
    for (auto& word : words_) {
        word.store(0, std::memory_order_relaxed);
    }
    count_ = 0;
}

}  // namespace xl_colo::model
