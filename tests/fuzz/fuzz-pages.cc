// A PAGES frame on its way to the secondary's libxc, which works as root on
// what it is told: what is let through must be one good PAGE_DATA record.
#include <cstdlib>
#include <cstring>

#include "relay/pages_frame.h"

using namespace xl_colo;

namespace {

constexpr Pages gfns{64};

uint64_t u64_at(View bytes, size_t at)
{
    uint64_t value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
}

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

bool has_contents(uint64_t entry)
{
    const uint64_t type = entry >> 60;
    return type <= 4 || (type >= 9 && type <= 12);
}

// Whether the specification allows it.
bool good(View body)
{
    if (body.size() < 16) {
        return false;
    }
    const uint64_t count = u64_at(body, 0);
    if (count == 0 || count > (body.size() - 8) / 8) {
        return false;
    }
    uint64_t contents = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t entry = u64_at(body, 8 + i * 8);
        const uint64_t type = entry >> 60;
        const bool zero = entry >> 59 & 1;
        const bool kept = entry >> 58 & 1;
        if ((type > 4 && type < 9) || (zero && kept) ||
            ((zero || kept) && !has_contents(entry)) ||
            (entry & 0x03ffffffffffffff) >= gfns.value()) {
            return false;
        }
        contents += has_contents(entry) && !zero && !kept;
    }
    return body.size() == 8 + count * 8 + contents * page_size;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    const View body(data, size);
    PagesReader reader;
    PageSet kept(gfns);
    const auto pieces = reader.record(body, gfns, kept);
    require(static_cast<bool>(pieces) == good(body));
    if (!pieces) {
        require(pieces.error().kind() == ErrorKind::protocol);
        return 0;
    }
    const uint64_t count = u64_at(body, 0);
    std::vector<uint64_t> expected;  // entries of the record
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t entry = u64_at(body, 8 + i * 8);
        if (!(entry & pages_kept_flag)) {
            expected.push_back(entry);
        } else {
            require(kept.contains(Pfn{entry & 0x03ffffffffffffff}));
        }
    }
    require(kept.size().value() <= count - expected.size());
    require(pieces->empty() == expected.empty());
    if (expected.empty()) {
        return 0;
    }
    Buffer bytes;
    for (const View& piece : *pieces) {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
    }
    const auto record = parse_record(bytes, gfns);
    require(record && record->pages);
    require(record->pages->count() == expected.size());
    const View contents = record->pages->contents();
    View sent = body.subspan(8 + count * 8);
    for (size_t i = 0, at = 0; i < expected.size(); ++i) {
        const uint64_t entry = expected[i];
        require(record->pages->entry(i).bits == (entry & ~pages_zero_flag));
        if (!has_contents(entry)) {
            continue;
        }
        const View page = contents.subspan(at, page_size);
        at += page_size;
        if (entry & pages_zero_flag) {
            require(is_zero_page(page));
        } else {
            require(std::memcmp(page.data(), sent.data(), page_size) == 0);
            sent = sent.subspan(page_size);
        }
    }
    require(sent.empty());
    return 0;
}
