// The bodies of DIRTY_SET frames, one after another, each with its length in
// front. What is taken must be what a plain reading of the specification makes
// of it, what is refused must be wrong by it.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <vector>

#include "relay/dirty_set_frame.h"

using namespace xl_colo;

namespace {

constexpr uint64_t gfns = 65536 + 100;

using Naive = std::set<uint64_t>;

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

struct Input {
    View rest;

    std::optional<uint64_t> byte()
    {
        if (rest.empty()) {
            return std::nullopt;
        }
        const uint64_t value = rest[0];
        rest = rest.subspan(1);
        return value;
    }
    std::optional<uint64_t> number()
    {
        uint64_t value = 0;
        for (unsigned i = 0; i < 7; ++i) {
            const auto next = byte();
            if (!next) {
                return std::nullopt;
            }
            value += (*next % 128) << (7 * i);
            if (*next < 128) {
                const bool too_long = i > 0 && *next == 0;
                return too_long ? std::nullopt : std::optional(value);
            }
        }
        return std::nullopt;
    }
};

bool read_bitmap(Input& in, uint64_t first, uint64_t end, Naive& pages)
{
    bool any = false;
    for (uint64_t page = first; page < end; page += 8) {
        const auto bits = in.byte();
        if (!bits) {
            return false;
        }
        for (unsigned i = 0; i < 8; ++i) {
            if (*bits >> i & 1) {
                if (page + i >= end) {
                    return false;
                }
                pages.insert(page + i);
                any = true;
            }
        }
    }
    return any;
}

bool read_pairs(Input& in, bool with_lengths, uint64_t first, uint64_t end,
                Naive& pages)
{
    const auto more = in.number();
    if (!more) {
        return false;
    }
    uint64_t page = first;
    for (uint64_t i = 0; i <= *more; ++i) {
        const auto gap = in.number();
        const auto length =
            with_lengths ? in.number() : std::optional<uint64_t>(0);
        if (!gap || !length) {
            return false;
        }
        page += *gap;
        if (*length >= gfns || page + *length >= end) {
            return false;
        }
        for (uint64_t j = 0; j <= *length; ++j) {
            pages.insert(page++);
        }
        page += with_lengths;
    }
    return true;
}

// Whether it was the last body; nothing when it is wrong.
std::optional<bool> read_body(Input in, uint64_t& described, Naive& pages)
{
    uint64_t end = 0;
    for (unsigned i = 0; i < 8; ++i) {
        const auto next = in.byte();
        if (!next) {
            return std::nullopt;
        }
        end |= *next << (8 * i);
    }
    if (end <= described || end > gfns || (end != gfns && end % 65536 != 0)) {
        return std::nullopt;
    }
    uint64_t first = described;
    while (!in.rest.empty()) {
        const auto head = in.number();
        if (!head) {
            return std::nullopt;
        }
        first += *head / 4 * 65536;
        if (first >= end) {
            return std::nullopt;
        }
        const uint64_t chunk_end = std::min(first + 65536, end);
        const uint64_t form = *head % 4;
        const bool good =
            form == 0 ? read_bitmap(in, first, chunk_end, pages)
            : form < 3
                ? read_pairs(in, form == 2, first, chunk_end, pages)
                : false;
        if (!good) {
            return std::nullopt;
        }
        first += 65536;
    }
    described = end == gfns ? 0 : end;
    return end == gfns;
}

// What was taken can be said again, by our own encoder, as the same set.
void require_round_trip(const PageSet& set)
{
    PageSet again{Pages{gfns}};
    DirtySetDecoder decoder{Pages{gfns}};
    for (DirtySetEncoder encoder(set, Pages{gfns}); !encoder.done();) {
        const Buffer body = encoder.next();
        const auto last = decoder.take(body, again);
        require(last && *last == encoder.done());
    }
    require(std::ranges::equal(set.words(), again.words()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    PageSet set{Pages{gfns}};
    DirtySetDecoder decoder{Pages{gfns}};
    Naive naive;
    uint64_t described = 0;
    for (View rest(data, size); rest.size() >= 2;) {
        const size_t length =
            std::min<size_t>(rest[0] | rest[1] << 8, rest.size() - 2);
        const View body = rest.subspan(2, length);
        rest = rest.subspan(2 + length);
        if (described == 0) {
            naive.clear();
        }
        const auto expected = read_body({body}, described, naive);
        const auto taken = decoder.take(body, set);
        require(static_cast<bool>(taken) == expected.has_value());
        if (!taken) {
            require(taken.error().kind() == ErrorKind::protocol);
            return 0;
        }
        require(*taken == *expected);
        require(set.size() == Pages{naive.size()});
        set.for_each(
            [&](Pfn pfn) { require(naive.contains(pfn.value())); });
        if (*taken) {
            require_round_trip(set);
        }
    }
    return 0;
}
