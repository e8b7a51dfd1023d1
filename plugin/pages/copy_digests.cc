#include "pages/copy_digests.h"

#include <algorithm>
#include <cstring>

namespace xl_colo {

CopyDigests::CopyDigests(Pages gfns)
    : gfns_(gfns.value()),
      chunks_((gfns_ + chunk_pages - 1) / chunk_pages),
      b_(gfns),
      settled_(gfns_)
{
}

void CopyDigests::expect(const PageSet& b)
{
    const std::lock_guard lock(mutex_);
    b_ = b;
    settled_ = 0;
    missing_ = b.size().value();
    arrived_.clear();
}

Result<bool> CopyDigests::add(View digests)
{
    bool all = false;
    const size_t count = digests.size() / sizeof(PageDigest);
    {
        const std::lock_guard lock(mutex_);
        if (digests.size() % sizeof(PageDigest) != 0 || count == 0 ||
            count > missing_) {
            return Error(ErrorKind::protocol,
                         "digests of other pages than the dirty set's");
        }
        const size_t before = arrived_.size();
        arrived_.resize(before + count);
        std::memcpy(&arrived_[before], digests.data(), digests.size());
        missing_ -= count;
        all = missing_ == 0;
    }
    changed_.notify_all();
    return all;
}

// Walks over B from settled_ on, for as long as there are digests; waits where
// there are none.
Status CopyDigests::settle(Pfn last)
{
    std::unique_lock lock(mutex_);
    const uint64_t end = std::min(last.value() + 1, gfns_);
    size_t used = 0;
    while (settled_ < end) {
        const uint64_t word =
            b_.words()[settled_ / 64] >> settled_ % 64;
        if (word == 0) {
            settled_ = (settled_ / 64 + 1) * 64;
            continue;
        }
        const uint64_t page =
            settled_ + static_cast<uint64_t>(std::countr_zero(word));
        if (page >= end) {
            settled_ = end;
            break;
        }
        if (used == arrived_.size()) {
            arrived_.clear();
            used = 0;
            changed_.wait(lock,
                          [this] { return aborted_ || !arrived_.empty(); });
        }
        if (aborted_) {
            return Error(ErrorKind::aborted, "the digests were given up");
        }
        put(Pfn{page}, arrived_[used++]);
        settled_ = page + 1;
    }
    arrived_.erase(arrived_.begin(),
                   arrived_.begin() + static_cast<std::ptrdiff_t>(used));
    return {};
}

PageDigest CopyDigests::get(Pfn pfn) const
{
    const auto& chunk = chunks_[pfn.value() / chunk_pages];
    return chunk ? (*chunk)[pfn.value() % chunk_pages] : PageDigest{};
}

void CopyDigests::put(Pfn pfn, const PageDigest& digest)
{
    auto& chunk = chunks_[pfn.value() / chunk_pages];
    if (!chunk && digest == PageDigest{}) {
        return;  // a hole: nothing was known of it
    }
    if (!chunk) {
        chunk = std::make_unique<Chunk>();
    }
    (*chunk)[pfn.value() % chunk_pages] = digest;
}

bool CopyDigests::is_told(Pfn pfn) const
{
    const std::lock_guard lock(mutex_);
    return b_.contains(pfn);
}

void CopyDigests::abort()
{
    {
        const std::lock_guard lock(mutex_);
        aborted_ = true;
    }
    changed_.notify_all();
}

}  // namespace xl_colo
