#include "session/verify.h"

#include <algorithm>
#include <cstring>

#include "base/keyed_hash.h"
#include "pages/page_difference.h"

namespace xl_colo {

namespace {

constexpr uint64_t gfns_a_frame = 4096;
constexpr size_t named_max = 64;

// In place of a digest: not to be compared.
constexpr PageDigest left_out_digest = [] {
    PageDigest digest;
    digest.fill(0xff);
    return digest;
}();

bool all_absent(const std::vector<PageDigest>& digests)
{
    return std::ranges::all_of(digests, [](const PageDigest& digest) {
        return digest == PageDigest{};
    });
}

// The pages of this host's guest, which stands still meanwhile. Only pages that
// are there are mapped: a small guest has a million gfns and nearly as many
// holes.
class PagesHere {
public:
    static Result<PagesHere> open(Domain& domain, View key)
    {
        auto present = domain.balloon().present();
        if (!present) {
            return present.error();
        }
        auto memory = domain.memory();
        if (!memory) {
            return memory.error();
        }
        return PagesHere(std::move(*memory), std::move(*present), key);
    }

    // Of `count` pages from `first`; zeros where there is no page.
    Result<std::vector<PageDigest>> digests(uint64_t first, uint64_t count)
    {
        std::vector<PageDigest> digests(count, PageDigest{});
        const uint64_t end =
            std::min<uint64_t>(first + count, present_.size());
        std::vector<Pfn> pages;
        for (uint64_t next = first; next < end;) {
            pages.clear();
            for (; next < end && pages.size() < pages_at_a_time; ++next) {
                if (present_[next]) {
                    pages.emplace_back(next);
                }
            }
            const auto hash = [&](std::span<const View> views) {
                for (size_t i = 0; i < views.size(); ++i) {
                    if (!views[i].empty()) {
                        digests[pages[i].value() - first] = hash_(views[i]);
                    }
                }
            };
            if (auto s = look_at(pages, hash); !s) {
                return s.error();
            }
        }
        return digests;
    }

    Status look_at(const std::vector<Pfn>& pages, const GuestMemory::Look& look)
    {
        return pages.empty() ? Status() : memory_->look_at(pages, look);
    }

private:
    PagesHere(std::unique_ptr<GuestMemory> memory, std::vector<bool> present,
              View key)
        : memory_(std::move(memory)), present_(std::move(present)), hash_(key)
    {
    }

    std::unique_ptr<GuestMemory> memory_;
    std::vector<bool> present_;
    KeyedHash hash_;
};

// The pages in which this host and the primary differ, found frame by frame.
class Comparison {
public:
    Comparison(PagesHere& pages, std::vector<Pfn> left_out)
        : pages_(pages), left_out_(std::move(left_out))
    {
        std::ranges::sort(left_out_);
    }

    // What the primary does not name, it does not have.
    Status expect_absent(uint64_t first, uint64_t end)
    {
        for (; first < end; first += gfns_a_frame) {
            const Buffer absent(
                std::min(gfns_a_frame, end - first) * sizeof(PageDigest));
            if (auto s = expect(first, absent); !s) {
                return s;
            }
        }
        return {};
    }

    Status expect(uint64_t first, View theirs)
    {
        const uint64_t count = theirs.size() / sizeof(PageDigest);
        auto ours = pages_.digests(first, count);
        if (!ours) {
            return ours.error();
        }
        for (uint64_t i = 0; i < count; ++i) {
            const uint8_t* digest = theirs.data() + i * sizeof(PageDigest);
            const auto is = [digest](const PageDigest& other) {
                return std::memcmp(other.data(), digest, sizeof(PageDigest)) ==
                       0;
            };
            if (!is((*ours)[i]) && !is(left_out_digest)) {
                add(Pfn{first + i});
            }
        }
        return {};
    }

    Pages count() const { return count_; }
    const std::vector<Pfn>& first() const { return first_; }

private:
    void add(Pfn pfn)
    {
        if (std::ranges::binary_search(left_out_, pfn)) {
            return;
        }
        count_ = Pages{count_.value() + 1};
        if (first_.size() < named_max) {
            first_.push_back(pfn);
        }
    }

    PagesHere& pages_;
    std::vector<Pfn> left_out_;
    Pages count_;
    std::vector<Pfn> first_;
};

// Until the frame that begins at `gfns` and holds nothing.
Status compare_all(Peer& peer, Comparison& comparison,
                   CheckpointNumber number, Pages gfns)
{
    for (uint64_t next = 0;;) {
        auto frame = peer.expect(FrameType::DIGESTS, number);
        if (!frame) {
            return frame.error();
        }
        BodyReader body(*frame);
        auto first = body.u64();
        if (!first) {
            return first.error().with_context("DIGESTS");
        }
        const View digests = body.rest();
        const uint64_t count = digests.size() / sizeof(PageDigest);
        if (digests.size() % sizeof(PageDigest) != 0 || *first < next ||
            *first > gfns.value() || count > gfns.value() - *first ||
            (count == 0) != (*first == gfns.value())) {
            return Error(ErrorKind::protocol,
                         "DIGESTS out of order or beyond the guest");
        }
        if (auto s = comparison.expect_absent(next, *first); !s) {
            return s;
        }
        if (count == 0) {
            return {};
        }
        if (auto s = comparison.expect(*first, digests); !s) {
            return s;
        }
        next = *first + count;
    }
}

Result<Differences> judge(PagesHere& here, Pages count, BodyReader answer)
{
    std::vector<Pfn> pages;
    std::vector<View> copies;
    while (!answer.rest().empty()) {
        const auto pfn = answer.u64();
        const auto size = answer.u64();
        if (!pfn || !size || (*size != 0 && *size != page_size)) {
            return Error(ErrorKind::protocol, "VERIFIED: no list of pages");
        }
        const auto copy = answer.bytes(*size);
        if (!copy) {
            return copy.error().with_context("VERIFIED");
        }
        pages.emplace_back(*pfn);
        copies.push_back(*copy);
    }
    if (pages.size() != std::min(count.value(), uint64_t{named_max})) {
        return Error(ErrorKind::protocol,
                     "VERIFIED: " + std::to_string(pages.size()) +
                         " pages of " + std::to_string(count.value()));
    }
    Differences differences;
    uint64_t events = 0;
    const Status looked =
        here.look_at(pages, [&](std::span<const View> originals) {
            for (size_t i = 0; i < originals.size(); ++i) {
                auto how = compare_pages(pages[i], originals[i], copies[i]);
                events += how.is_event;
                if (!how.is_event) {
                    differences.first.push_back(std::move(how.text));
                }
            }
        });
    if (!looked) {
        return looked.error();
    }
    differences.count = Pages{count.value() - events};
    differences.events = Pages{events};
    return differences;
}

}  // namespace

std::string Differences::text() const
{
    std::string line = std::to_string(count.value()) +
                       (count.value() == 1 ? " page differs:"
                                           : " pages differ:");
    for (const std::string& page : first) {
        line += " " + page;
    }
    if (count.value() > first.size()) {
        line += " ...";
    }
    return line;
}

Result<Differences> verify_as_primary(Peer& peer, Domain& domain,
                                      CheckpointNumber number, Pages gfns,
                                      View key)
{
    auto here = PagesHere::open(domain, key);
    if (!here) {
        return here.error();
    }
    auto left_out = domain.pages_backends_write();
    if (!left_out) {
        return left_out.error();
    }
    std::ranges::sort(*left_out);
    for (uint64_t first = 0; first < gfns.value(); first += gfns_a_frame) {
        const uint64_t count = std::min(gfns_a_frame, gfns.value() - first);
        auto digests = here->digests(first, count);
        if (!digests) {
            return digests.error();
        }
        if (all_absent(*digests)) {
            continue;
        }
        for (auto pfn = std::ranges::lower_bound(*left_out, Pfn{first});
             pfn != left_out->end() && *pfn < Pfn{first + count}; ++pfn) {
            (*digests)[pfn->value() - first] = left_out_digest;
        }
        Buffer body = BodyWriter().u64(first).take();
        const auto* bytes =
            reinterpret_cast<const uint8_t*>(digests->data());
        body.insert(body.end(), bytes, bytes + count * sizeof(PageDigest));
        if (auto s = peer.send(FrameType::DIGESTS, number, body); !s) {
            return s.error();
        }
    }
    const Buffer end = BodyWriter().u64(gfns.value()).take();
    if (auto s = peer.send(FrameType::DIGESTS, number, end); !s) {
        return s.error();
    }
    auto answer = peer.expect(FrameType::VERIFIED, number);
    if (!answer) {
        return answer.error();
    }
    BodyReader body(*answer);
    auto count = body.u64();
    if (!count) {
        return count.error();
    }
    return judge(*here, Pages{*count}, body);
}

Result<Pages> verify_as_secondary(Peer& peer, Domain& domain,
                                  CheckpointNumber number, Pages gfns,
                                  View key)
{
    auto left_out = domain.hypervisor_pages();
    if (!left_out) {
        return left_out.error();
    }
    auto here = PagesHere::open(domain, key);
    if (!here) {
        return here.error();
    }
    Comparison comparison(*here, std::move(*left_out));
    if (auto s = compare_all(peer, comparison, number, gfns); !s) {
        return s.error();
    }
    const std::vector<Pfn>& pages = comparison.first();
    BodyWriter answer;
    answer.u64(comparison.count().value());
    const Status looked =
        here->look_at(pages, [&](std::span<const View> copies) {
            for (size_t i = 0; i < copies.size(); ++i) {
                answer.u64(pages[i].value())
                    .u64(copies[i].size())
                    .bytes(copies[i]);
            }
        });
    if (!looked) {
        return looked.error();
    }
    if (auto s = peer.send(FrameType::VERIFIED, number, answer.take()); !s) {
        return s.error();
    }
    return comparison.count();
}

}  // namespace xl_colo
