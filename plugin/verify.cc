#include "verify.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace xl_colo {

namespace {

constexpr uint64_t gfns_a_frame = 4096;
constexpr size_t named_max = 64;

bool all_absent(const std::vector<PageDigest>& digests)
{
    return std::ranges::all_of(digests, [](const PageDigest& digest) {
        return digest == PageDigest{};
    });
}

// The pages in which this host and the primary differ, found frame by frame.
class Comparison {
public:
    Comparison(Domain& domain, View key, std::vector<Pfn> left_out)
        : domain_(domain), key_(key), left_out_(std::move(left_out))
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
        auto ours = domain_.digest(Pfn{first}, Pages{count}, key_);
        if (!ours) {
            return ours.error();
        }
        for (uint64_t i = 0; i < count; ++i) {
            const uint8_t* digest = theirs.data() + i * sizeof(PageDigest);
            if (std::memcmp((*ours)[i].data(), digest, sizeof(PageDigest)) !=
                0) {
                add(Pfn{first + i});
            }
        }
        return {};
    }

    const Differences& result() const { return differences_; }

private:
    void add(Pfn pfn)
    {
        if (std::ranges::binary_search(left_out_, pfn)) {
            return;
        }
        differences_.count = Pages{differences_.count.value() + 1};
        if (differences_.first.size() < named_max) {
            differences_.first.push_back(pfn);
        }
    }

    Domain& domain_;
    View key_;
    std::vector<Pfn> left_out_;
    Differences differences_;
};

// Until the frame that begins at `gfns` and holds nothing.
Status compare_all(Conversation& peer, Comparison& comparison,
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

}  // namespace

std::string Differences::text() const
{
    std::string line = std::to_string(count.value()) +
                       (count.value() == 1 ? " page differs:"
                                           : " pages differ:");
    for (const Pfn pfn : first) {
        char hex[24];
        std::snprintf(hex, sizeof hex, " 0x%llx",
                      static_cast<unsigned long long>(pfn.value()));
        line += hex;
    }
    if (count.value() > first.size()) {
        line += " ...";
    }
    return line;
}

Result<Differences> verify_as_primary(Conversation& peer, Domain& domain,
                                      CheckpointNumber number, Pages gfns,
                                      View key)
{
    for (uint64_t first = 0; first < gfns.value(); first += gfns_a_frame) {
        const uint64_t count = std::min(gfns_a_frame, gfns.value() - first);
        auto digests = domain.digest(Pfn{first}, Pages{count}, key);
        if (!digests) {
            return digests.error();
        }
        if (all_absent(*digests)) {
            continue;
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
    Differences differences{Pages{*count}, {}};
    while (!body.rest().empty()) {
        auto pfn = body.u64();
        if (!pfn) {
            return pfn.error().with_context("VERIFIED");
        }
        differences.first.emplace_back(*pfn);
    }
    return differences;
}

Result<Differences> verify_as_secondary(Conversation& peer, Domain& domain,
                                        CheckpointNumber number, Pages gfns,
                                        View key)
{
    auto left_out = domain.hypervisor_pages();
    if (!left_out) {
        return left_out.error();
    }
    Comparison comparison(domain, key, std::move(*left_out));
    if (auto s = compare_all(peer, comparison, number, gfns); !s) {
        return s.error();
    }
    const Differences& differences = comparison.result();
    BodyWriter answer;
    answer.u64(differences.count.value());
    for (const Pfn pfn : differences.first) {
        answer.u64(pfn.value());
    }
    if (auto s = peer.send(FrameType::VERIFIED, number, answer.take()); !s) {
        return s.error();
    }
    return differences;
}

}  // namespace xl_colo
