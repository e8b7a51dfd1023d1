#include "relay/dirty_set_frame.h"

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "wire/frame.h"

namespace xl_colo {

namespace {

constexpr uint64_t chunk_pages = 65536;
constexpr size_t chunk_words = chunk_pages / 64;
// A frame ends after the chunk with which it gets so long: the peer works on
// what it has while the rest is on its way.
constexpr size_t frame_target = 64 << 10;

enum Form : uint64_t {
    bitmap = 0,
    gaps = 1,
    runs = 2,
};

void put_number(Buffer& to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        to.push_back(static_cast<uint8_t>(value | 0x80));
    }
    to.push_back(static_cast<uint8_t>(value));
}

// ---- out -------------------------------------------------------------------

using Words = std::span<const uint64_t>;

// Calls visit(first, length) for each run of pages, numbered from the chunk's
// beginning.
template <typename Visit>
void for_each_run(Words words, Visit visit)
{
    const auto rest_of = [&](uint64_t page, bool wanted) -> uint64_t {
        // The bits from `page` on in its word, so that wanted ones are ones.
        const uint64_t word = words[page / 64];
        return (wanted ? word : ~word) >> page % 64;
    };
    const uint64_t end = words.size() * 64;
    // The first page from `page` on that is in the set, or is not.
    const auto find = [&](uint64_t page, bool wanted) {
        while (page < end) {
            if (const uint64_t rest = rest_of(page, wanted)) {
                return page + static_cast<uint64_t>(std::countr_zero(rest));
            }
            page = (page / 64 + 1) * 64;
        }
        return end;
    };
    for (uint64_t first = find(0, true); first < end;) {
        const uint64_t after = find(first, false);
        visit(first, after - first);
        first = find(after, true);
    }
}

struct Counts {
    uint64_t pages = 0;
    uint64_t runs = 0;
};

Counts count(Words words)
{
    Counts counts;
    uint64_t before = 0;  // the last page of the word before, in bit 0
    for (const uint64_t word : words) {
        counts.pages += static_cast<uint64_t>(std::popcount(word));
        counts.runs +=
            static_cast<uint64_t>(std::popcount(word & ~(word << 1 | before)));
        before = word >> 63;
    }
    return counts;
}

Buffer as_bitmap(Words words, size_t size)
{
    Buffer bytes;
    bytes.reserve(size);
    for (size_t i = 0; i < size; ++i) {
        bytes.push_back(static_cast<uint8_t>(words[i / 8] >> i % 8 * 8));
    }
    return bytes;
}

Buffer as_gaps(Words words, uint64_t pages)
{
    Buffer bytes;
    put_number(bytes, pages - 1);
    uint64_t next = 0;
    for_each_run(words, [&](uint64_t first, uint64_t length) {
        put_number(bytes, first - next);
        bytes.insert(bytes.end(), length - 1, 0);
        next = first + length;
    });
    return bytes;
}

Buffer as_runs(Words words, uint64_t runs)
{
    Buffer bytes;
    put_number(bytes, runs - 1);
    uint64_t next = 0;
    for_each_run(words, [&](uint64_t first, uint64_t length) {
        put_number(bytes, first - next);
        put_number(bytes, length - 1);
        next = first + length + 1;  // which is not in the set
    });
    return bytes;
}

struct Encoded {
    Form form;
    Buffer bytes;
};

// `bitmap_size`: what the bitmap takes.
Encoded encode(Words words, const Counts& counts, size_t bitmap_size)
{
    // No number is shorter than a byte, which settles most cases early.
    Encoded best{Form::bitmap, {}};
    size_t least = bitmap_size;
    if (counts.pages < least) {
        Buffer bytes = as_gaps(words, counts.pages);
        if (bytes.size() < least) {
            least = bytes.size();
            best = {Form::gaps, std::move(bytes)};
        }
    }
    if (2 * counts.runs < least) {
        Buffer bytes = as_runs(words, counts.runs);
        if (bytes.size() < least) {
            best = {Form::runs, std::move(bytes)};
        }
    }
    if (best.form == Form::bitmap) {
        best.bytes = as_bitmap(words, bitmap_size);
    }
    return best;
}

// ---- in --------------------------------------------------------------------

Error bad(const std::string& what)
{
    return {ErrorKind::protocol, "DIRTY_SET: " + what};
}

// Reads off the front; after the first error everything it reads is 0.
class Reader {
public:
    explicit Reader(View body) : rest_(body) {}

    bool failed() const { return failed_; }
    bool empty() const { return rest_.empty(); }

    View bytes(size_t size)
    {
        if (failed_ || rest_.size() < size) {
            failed_ = true;
            return {};
        }
        const View bytes = rest_.first(size);
        rest_ = rest_.subspan(size);
        return bytes;
    }

    // Of at most 49 bits, and no longer than it has to be.
    uint64_t number()
    {
        uint64_t value = 0;
        for (unsigned shift = 0; shift < 49; shift += 7) {
            const View byte = bytes(1);
            if (failed_) {
                return 0;
            }
            value |= static_cast<uint64_t>(byte[0] & 0x7f) << shift;
            if (!(byte[0] & 0x80)) {
                failed_ = byte[0] == 0 && shift > 0;
                return failed_ ? 0 : value;
            }
        }
        failed_ = true;
        return 0;
    }

private:
    View rest_;
    bool failed_ = false;
};

// A chunk's pages, checked on their way into the set.
class Chunk {
public:
    Chunk(uint64_t first, uint64_t end, PageSet& set)
        : first_(first), end_(end), set_(set)
    {
    }

    Status read(uint64_t form, Reader& from)
    {
        switch (form) {
        case Form::bitmap:
            return read_bitmap(from);
        case Form::gaps:
            return read_gaps(from);
        case Form::runs:
            return read_runs(from);
        default:
            return bad("a chunk of form " + std::to_string(form));
        }
    }

private:
    Status read_bitmap(Reader& from)
    {
        const View bytes = from.bytes((end_ - first_ + 7) / 8);
        uint64_t any = 0;
        for (size_t at = 0; at < bytes.size(); at += 8) {
            const uint64_t word = load_little(
                bytes.subspan(at, std::min<size_t>(8, bytes.size() - at)));
            const uint64_t page = first_ + at * 8;
            if (end_ - page < 64 && word >> (end_ - page) != 0) {
                return bad("a page beyond the guest");
            }
            any |= word;
            set_.insert_word(page / 64, word);
        }
        return any || from.failed() ? Status() : bad("an empty chunk");
    }

    Status read_gaps(Reader& from)
    {
        const uint64_t more = from.number();
        uint64_t page = first_;
        for (uint64_t i = 0; i <= more && !from.failed(); ++i, ++page) {
            page += from.number();
            if (page >= end_) {
                return bad("a page beyond its chunk");
            }
            set_.insert(Pfn{page});
        }
        return {};
    }

    Status read_runs(Reader& from)
    {
        const uint64_t more = from.number();
        uint64_t page = first_;
        for (uint64_t i = 0; i <= more && !from.failed(); ++i, ++page) {
            page += from.number();
            const uint64_t length = from.number() + 1;
            if (page >= end_ || length > end_ - page) {
                return bad("a run beyond its chunk");
            }
            insert_run(page, page + length);
            page += length;
        }
        return {};
    }

    // Whole words at a time.
    void insert_run(uint64_t page, uint64_t end)
    {
        while (page < end) {
            const uint64_t step = std::min(64 - page % 64, end - page);
            const uint64_t ones = ~uint64_t{0} >> (64 - step);
            set_.insert_word(page / 64, ones << page % 64);
            page += step;
        }
    }

    const uint64_t first_;
    const uint64_t end_;
    PageSet& set_;
};

}  // namespace

Buffer DirtySetEncoder::next()
{
    const Words words = set_.words();
    const uint64_t chunks = (gfns_.value() + chunk_pages - 1) / chunk_pages;
    Buffer bytes = BodyWriter().u64(0).take();
    uint64_t skipped = 0;
    for (; chunk_ < chunks && bytes.size() < frame_target; ++chunk_) {
        const size_t first = chunk_ * chunk_words;
        const Words chunk =
            words.subspan(first, std::min(chunk_words, words.size() - first));
        const Counts counts = count(chunk);
        if (counts.pages == 0) {
            ++skipped;
            continue;
        }
        const uint64_t pages =
            std::min(chunk_pages, gfns_.value() - chunk_ * chunk_pages);
        const Encoded encoded = encode(chunk, counts, (pages + 7) / 8);
        put_number(bytes, skipped << 2 | encoded.form);
        bytes.insert(bytes.end(), encoded.bytes.begin(), encoded.bytes.end());
        skipped = 0;
    }
    done_ = chunk_ == chunks;
    const uint64_t end = std::min(chunk_ * chunk_pages, gfns_.value());
    const Buffer head = BodyWriter().u64(end).take();
    std::ranges::copy(head, bytes.begin());
    return bytes;
}

Result<bool> DirtySetDecoder::take(View body, PageSet& set)
{
    BodyReader head(body);
    const auto end = head.u64();
    if (!end) {
        return end.error().with_context("DIRTY_SET");
    }
    if (*end > gfns_.value() || *end <= described_ ||
        (*end != gfns_.value() && *end % chunk_pages != 0)) {
        return bad("it tells of the pages below " + std::to_string(*end) +
                   " after those below " + std::to_string(described_));
    }
    if (described_ == 0) {
        set.clear();
    }
    Reader rest(head.rest());
    for (uint64_t first = described_; !rest.empty(); first += chunk_pages) {
        const uint64_t number = rest.number();
        first += (number >> 2) * chunk_pages;
        if (!rest.failed() && first >= *end) {
            return bad("a chunk beyond its end");
        }
        if (!rest.failed()) {
            Chunk chunk(first, std::min(first + chunk_pages, *end), set);
            if (auto s = chunk.read(number & 3, rest); !s) {
                return s.error();
            }
        }
        if (rest.failed()) {
            return bad("cut off, or a number longer than it has to be");
        }
    }
    const bool last = *end == gfns_.value();
    described_ = last ? 0 : *end;
    return last;
}

}  // namespace xl_colo
