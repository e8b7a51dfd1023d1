#include "verify.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace xl_colo {

namespace {

constexpr uint64_t gfns_a_frame = 65536;
constexpr size_t named_max = 64;

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
        Buffer body = BodyWriter().u64(first).take();
        const auto* bytes =
            reinterpret_cast<const uint8_t*>(digests->data());
        body.insert(body.end(), bytes, bytes + count * sizeof(PageDigest));
        if (auto s = peer.send(FrameType::DIGESTS, number, body); !s) {
            return s.error();
        }
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
    std::ranges::sort(*left_out);

    Differences differences;
    for (uint64_t next = 0; next < gfns.value();) {
        auto frame = peer.expect(FrameType::DIGESTS, number);
        if (!frame) {
            return frame.error();
        }
        BodyReader body(*frame);
        auto first = body.u64();
        if (!first) {
            return first.error().with_context("DIGESTS");
        }
        const View theirs = body.rest();
        const uint64_t count = theirs.size() / sizeof(PageDigest);
        if (*first != next || count == 0 ||
            theirs.size() % sizeof(PageDigest) != 0 ||
            count > gfns.value() - next) {
            return Error(ErrorKind::protocol,
                         "DIGESTS out of order or beyond the guest");
        }
        auto ours = domain.digest(Pfn{next}, Pages{count}, key);
        if (!ours) {
            return ours.error();
        }
        for (uint64_t i = 0; i < count; ++i) {
            const uint8_t* digest = theirs.data() + i * sizeof(PageDigest);
            const Pfn pfn{next + i};
            if (std::memcmp((*ours)[i].data(), digest,
                            sizeof(PageDigest)) == 0 ||
                std::ranges::binary_search(*left_out, pfn)) {
                continue;
            }
            differences.count = Pages{differences.count.value() + 1};
            if (differences.first.size() < named_max) {
                differences.first.push_back(pfn);
            }
        }
        next += count;
    }

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
