// What the primary knows of the secondary's memory: for each page the digest of
// what the secondary has there now, as far as it can be told.
//
// It is what was sent for the page last, or, if the page is in B, what the
// secondary says. Nothing else changes the secondary's pages: libxc's restore
// writes PAGE_DATA and, at HVM_PARAMS, some of the hypervisor's own pages,
// which are always sent (StreamToWire).
//
// 16 bytes a page that was ever sent, so 4 MiB for each GiB of the guest, in
// the primary's process.
#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "hypervisor/guest_memory.h"
#include "pages/page_set.h"

namespace xl_colo {

class CopyDigests {
public:
    explicit CopyDigests(Pages gfns);

    // ---- what the secondary tells, in order: the link's thread

    // B is this set; its digests follow. Until then nobody knows its pages.
    void expect(const PageSet& b);
    // Some of them, in the order of the pages. Whether these were the last.
    // Error protocol: too many.
    Result<bool> add(View digests);

    // ---- what the primary sends: the relay's thread

    // Waits until the digests of all pages of B up to `last` are in. Error
    // aborted after abort().
    Status settle(Pfn last);
    // All zero: not known. To be asked for pages that are settled.
    PageDigest get(Pfn pfn) const;
    void put(Pfn pfn, const PageDigest& digest);
    // Whether the secondary has looked at the page just now.
    bool is_told(Pfn pfn) const;

    // Any thread.
    void abort();

private:
    static constexpr uint64_t chunk_pages = 4096;
    using Chunk = std::array<PageDigest, chunk_pages>;

    const uint64_t gfns_;
    std::vector<std::unique_ptr<Chunk>> chunks_;  // the relay's thread only

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // Of B: the pages below `settled_` have their digests in `chunks_`, the
    // next ones have theirs in `arrived_`.
    PageSet b_;
    uint64_t settled_;
    uint64_t missing_ = 0;  // digests that are still to come
    std::vector<PageDigest> arrived_;
    bool aborted_ = false;
};

}  // namespace xl_colo
