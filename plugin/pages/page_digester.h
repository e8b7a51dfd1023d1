// Digests of many pages at once, on all cores.
#pragma once

#include <span>
#include <vector>

#include "base/worker_pool.h"
#include "pages/content_hash.h"

namespace xl_colo {

// One thread at a time.
class PageDigester {
public:
    // `blind`: takes all pages for the same. For the test that shows that
    // --verify notices a digest that does not tell pages apart.
    PageDigester(View key, bool blind);

    // One digest for each page; all zero for an empty view, which stands for a
    // page that is not there.
    void digest(std::span<const View> pages, std::span<PageDigest> to);

private:
    const bool blind_;
    WorkerPool pool_;
    std::vector<ContentHash> hashes_;  // one a thread
};

}  // namespace xl_colo
