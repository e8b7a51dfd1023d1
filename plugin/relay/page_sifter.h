// Which pages of a PAGE_DATA record have to be sent: those whose contents the
// secondary does not have already (the insight of PLOVER, NSDI '18: most pages
// that both guests dirtied hold the same on both).
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "pages/copy_digests.h"
#include "pages/page_digester.h"
#include "relay/migration_stream.h"
#include "relay/pages_frame.h"

namespace xl_colo {

// What a primary is to leave out. Without it all pages are sent.
struct Elision {
    Buffer key;          // of ContentHash
    bool blind = false;  // see PageDigester
};

struct SiftedPages {
    Pages left_out;  // not sent
    Pages zeros;     // sent as a mark
};

class PageSifter {
public:
    PageSifter(Pages gfns, const std::optional<Elision>& elision);

    // Never left out: the hypervisor's own pages, which each host writes by
    // itself. Before the first record.
    void always_send(const std::vector<Pfn>& pages);

    // What the secondary tells; the link's thread. Nothing to do when all
    // pages are sent.
    CopyDigests* known() { return known_ ? &*known_ : nullptr; }

    // `body` is a PAGE_DATA record's, and `pages` what is in it. Moves the
    // contents that remain to the front of where they are. Waits for digests
    // of the secondary's. Error aborted after CopyDigests::abort().
    Result<SiftedPages> sift(const PageData& pages, std::span<uint8_t> body);
    // What remains: nothing at all when count() is 0.
    size_t count() const { return writer_.count(); }
    View head() { return writer_.head(); }
    View contents() const { return contents_; }

    // At a CHECKPOINT record: the secondary's digests have all been used.
    Status finish();

private:
    Status take_digests(const PageData& pages);

    const Pages gfns_;
    std::optional<CopyDigests> known_;
    std::optional<PageDigester> digester_;
    std::set<Pfn> always_sent_;

    // Of the record at hand.
    PagesWriter writer_;
    View contents_;
    std::vector<View> views_;
    std::vector<PageDigest> digests_;
};

}  // namespace xl_colo
