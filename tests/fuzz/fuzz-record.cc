// One record on its way to the secondary's libxc, which works as root on what
// it is told: whatever is let through must be what the format says.
#include <cstdlib>
#include <cstring>

#include "relay/migration_stream.h"

using namespace xl_colo;

namespace {

constexpr Pages gfns{64};

uint32_t u32_at(View bytes, size_t at)
{
    uint32_t value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
}

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

// handle_page_data() of xg_sr_restore.c, in so many words.
void require_page_data(View body)
{
    require(body.size() >= 8);
    const uint64_t count = u32_at(body, 0);
    require(count > 0 && body.size() >= 8 + count * 8);
    uint64_t contents = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t entry = u64_at(body, 8 + i * 8);
        const uint64_t type = entry >> 60;
        require((entry & 0x0fffffffffffffff) < gfns.value());
        require(type <= 4 || type >= 9);
        contents += type <= 4 || (type >= 9 && type <= 12);
    }
    require(body.size() == 8 + count * 8 + contents * page_size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    const View bytes(data, size);
    (void)check_stream_headers(bytes);
    const auto record = parse_record(bytes, gfns);
    if (!record) {
        require(record.error().kind() == ErrorKind::protocol &&
                !record.error().text().empty());
        return 0;
    }
    const uint32_t type = u32_at(bytes, 0);
    const uint64_t length = u32_at(bytes, 4);
    require(static_cast<uint32_t>(record->type) == type);
    require(size == 8 + (length + 7) / 8 * 8);
    for (size_t at = 8 + length; at < size; ++at) {
        require(bytes[at] == 0);
    }
    require(type != 0x0 && type != 0xd && type != 0xf && type != 0x13);
    require(record->pages.has_value() == (type == 1));
    if (record->pages) {
        require_page_data(bytes.subspan(8, length));
        size_t with_contents = 0;
        for (size_t i = 0; i < record->pages->count(); ++i) {
            with_contents += record->pages->entry(i).has_contents;
        }
        require(record->pages->contents().size() ==
                with_contents * page_size);
    }
    return 0;
}
