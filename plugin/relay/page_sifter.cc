#include "relay/page_sifter.h"

#include <algorithm>
#include <cstring>

namespace xl_colo {

PageSifter::PageSifter(Pages gfns, const std::optional<Elision>& elision)
    : gfns_(gfns)
{
    if (elision) {
        known_.emplace(gfns);
        digester_.emplace(elision->key, elision->blind);
    }
}

void PageSifter::always_send(const std::vector<Pfn>& pages)
{
    always_sent_.insert(pages.begin(), pages.end());
}

// Of all pages with contents, in their order.
Status PageSifter::take_digests(const PageData& pages)
{
    views_.clear();
    Pfn last{0};
    for (size_t i = 0, at = 0; i < pages.count(); ++i) {
        const auto entry = pages.entry(i);
        last = std::max(last, entry.pfn);
        if (entry.has_contents) {
            views_.push_back(pages.contents().subspan(at, page_size));
            at += page_size;
        }
    }
    digests_.resize(views_.size());
    // First our own: the secondary's are on their way meanwhile.
    digester_->digest(views_, digests_);
    return known_->settle(last);
}

Result<SiftedPages> PageSifter::sift(const PageData& pages,
                                     std::span<uint8_t> body)
{
    if (known_) {
        if (auto s = take_digests(pages); !s) {
            return s.error();
        }
    }
    uint8_t* const start = body.data() + (body.size() -
                                          pages.contents().size());
    uint8_t* from = start;
    uint8_t* to = start;
    // Pages that stay together are moved together.
    uint8_t* run = start;
    const auto end_run = [&] {
        const auto size = static_cast<size_t>(from - run);
        if (to != run) {
            std::memmove(to, run, size);
        }
        to += size;
    };
    uint64_t left_out = 0;
    uint64_t zeros = 0;
    writer_.clear();
    for (size_t i = 0, n = 0; i < pages.count(); ++i) {
        const auto entry = pages.entry(i);
        if (!entry.has_contents) {
            // What the secondary has there is of no interest any more, and
            // may be another page should it come back.
            if (known_) {
                known_->put(entry.pfn, PageDigest{});
            }
            writer_.add(entry.bits);
            continue;
        }
        bool leave_out = false;
        if (known_) {
            const PageDigest& digest = digests_[n++];
            leave_out = known_->get(entry.pfn) == digest &&
                        !always_sent_.contains(entry.pfn);
            known_->put(entry.pfn, digest);
        }
        const bool zero =
            !leave_out && is_zero_page(View(from, page_size));
        if (leave_out || zero) {
            end_run();
            run = from + page_size;
        }
        from += page_size;
        left_out += leave_out;
        zeros += zero;
        if (!leave_out) {
            writer_.add(zero ? entry.bits | pages_zero_flag : entry.bits);
        } else if (!known_->is_told(entry.pfn)) {
            // The secondary's guest may have given it back since: no log tells
            // of that, so the secondary has to look.
            writer_.add(entry.bits | pages_kept_flag);
        }
    }
    end_run();
    contents_ = View(start, static_cast<size_t>(to - start));
    return SiftedPages{Pages{left_out}, Pages{zeros}};
}

Status PageSifter::finish()
{
    return known_ ? known_->settle(Pfn{gfns_.value() - 1}) : Status();
}

}  // namespace xl_colo
