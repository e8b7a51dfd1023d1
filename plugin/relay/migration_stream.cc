#include "relay/migration_stream.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hex.h"

namespace xl_colo {

namespace {

// xg_sr_stream_format.h. `id`, `version` and `options` are in network order.
constexpr uint64_t ihdr_marker = 0xffffffffffffffff;
constexpr uint32_t ihdr_id = 0x58454e46;  // "XENF"
constexpr uint16_t ihdr_opt_big_endian = 1;
constexpr uint32_t dhdr_type_x86_hvm = 2;
constexpr uint16_t hvm_page_shift = 12;

constexpr uint64_t page_data_pfn_mask = 0x000fffffffffffff;
constexpr unsigned page_data_type_shift = 60;
constexpr size_t page_data_header_size = 8;

constexpr std::array<const char*, 0x14> record_names{
    "End",
    "Page data",
    "x86 PV info",
    "x86 PV P2M frames",
    "x86 PV vcpu basic",
    "x86 PV vcpu extended",
    "x86 PV vcpu xsave",
    "Shared info",
    "x86 TSC info",
    "HVM context",
    "HVM params",
    "Toolstack",
    "x86 PV vcpu msrs",
    "Verify",
    "Checkpoint",
    "Checkpoint dirty pfn list",
    "Static data end",
    "x86 CPUID policy",
    "x86 MSR policy",
    "Checkpoint dirty pfn part",
};

Error bad(const std::string& what)
{
    return {ErrorKind::protocol, what};
}

std::string beyond(uint64_t pfn, Pages gfns)
{
    return "pfn " + hex(pfn) + " is beyond the guest's " +
           std::to_string(gfns.value()) + " pages";
}

// XEN_DOMCTL_PFINFO_*, domctl.h, shifted as in the stream.
enum class Contents { yes, no, unknown_type };

Contents contents_of(uint64_t entry)
{
    const uint64_t type = entry >> page_data_type_shift;
    if (type <= 0x4 || (type >= 0x9 && type <= 0xc)) {
        return Contents::yes;  // NOTAB; page tables, pinned or not
    }
    if (type >= 0xd) {
        return Contents::no;   // BROKEN, XALLOC, XTAB
    }
    return Contents::unknown_type;
}

}  // namespace

std::string to_string(RecordType type)
{
    const auto number = static_cast<uint32_t>(type);
    std::string text = "record " + hex(number);
    if (number < record_names.size()) {
        text += std::string(" (") + record_names[number] + ")";
    }
    return text;
}

Status check_stream_headers(View bytes)
{
    if (bytes.size() != stream_headers_size) {
        return bad("the stream's headers measure " +
                   std::to_string(bytes.size()) + " bytes, not " +
                   std::to_string(stream_headers_size));
    }
    if (load_little<uint64_t>(bytes.data()) != ihdr_marker ||
        load_big<uint32_t>(bytes.data() + 8) != ihdr_id) {
        return bad("the stream does not begin as one of libxc's");
    }
    const auto version = load_big<uint32_t>(bytes.data() + 12);
    if (version < 2 || version > 3) {
        return bad("the stream has version " + std::to_string(version) +
                   ", known are 2 and 3");
    }
    if (load_big<uint16_t>(bytes.data() + 16) & ihdr_opt_big_endian) {
        return bad("the stream is big-endian");
    }
    const auto type = load_little<uint32_t>(bytes.data() + 24);
    if (type != dhdr_type_x86_hvm) {
        return bad("the stream is of guest type " + std::to_string(type) +
                   ", not of an HVM guest");
    }
    const auto shift = load_little<uint16_t>(bytes.data() + 28);
    if (shift != hvm_page_shift) {
        return bad("the stream has pages of 2^" + std::to_string(shift) +
                   " bytes");
    }
    return {};
}

Result<RecordHeader> parse_record_header(View bytes)
{
    if (bytes.size() < record_header_size) {
        return bad("a record of " + std::to_string(bytes.size()) +
                   " bytes is too short for its header");
    }
    const RecordHeader header{RecordType{load_little<uint32_t>(bytes.data())},
                              load_little<uint32_t>(bytes.data() + 4)};
    if (header.length > record_length_max) {
        return bad(to_string(header.type) + ": length " +
                   std::to_string(header.length) + " is over the limit of " +
                   std::to_string(record_length_max));
    }
    return header;
}

std::array<uint8_t, record_header_size> record_header_bytes(
    RecordHeader header)
{
    std::array<uint8_t, record_header_size> bytes{};
    store_little(static_cast<uint32_t>(header.type), bytes.data());
    store_little(header.length, bytes.data() + 4);
    return bytes;
}

Result<PageData::Entry> PageData::parse_entry(uint64_t entry, Pages gfns)
{
    const uint64_t pfn = entry & page_data_pfn_mask;
    if (pfn >= gfns.value()) {
        return bad(beyond(pfn, gfns));
    }
    const Contents has = contents_of(entry);
    const uint64_t type_bits = entry >> page_data_type_shift
                               << page_data_type_shift;
    if (has == Contents::unknown_type || entry != (type_bits | pfn)) {
        return bad("entry " + hex(entry) + " is of no known type");
    }
    return Entry{Pfn{pfn}, has == Contents::yes, entry};
}

Result<PageData> PageData::parse(View body, Pages gfns)
{
    if (body.size() < page_data_header_size) {
        return bad("cut short within its header");
    }
    const size_t count = load_little<uint32_t>(body.data());
    const View rest = body.subspan(page_data_header_size);
    if (count == 0) {
        return bad("names no page");
    }
    if (rest.size() / sizeof(uint64_t) < count) {
        return bad("too short for its " + std::to_string(count) + " pfns");
    }
    const View entries = rest.first(count * sizeof(uint64_t));
    const View contents = rest.subspan(entries.size());
    size_t with_contents = 0;
    for (size_t at = 0; at < entries.size(); at += sizeof(uint64_t)) {
        const auto entry =
            parse_entry(load_little<uint64_t>(entries.data() + at), gfns);
        if (!entry) {
            return entry.error();
        }
        with_contents += entry->has_contents;
    }
    if (contents.size() != with_contents * page_size) {
        return bad("holds " + std::to_string(contents.size()) +
                   " bytes of contents for " + std::to_string(with_contents) +
                   " pages");
    }
    return PageData(entries, contents);
}

PageData::Entry PageData::entry(size_t index) const
{
    const auto entry = load_little<uint64_t>(entries_.data() +
                                             index * sizeof(uint64_t));
    return {Pfn{entry & page_data_pfn_mask},
            contents_of(entry) == Contents::yes, entry};
}

Result<Record> parse_record(View bytes, Pages gfns)
{
    const auto header = parse_record_header(bytes);
    if (!header) {
        return header.error();
    }
    const auto refuse = [&](const std::string& why) {
        return bad(to_string(header->type) + ": " + why);
    };
    if (bytes.size() != header->record_size()) {
        return refuse("length " + std::to_string(header->length) +
                      " does not fit " + std::to_string(bytes.size()) +
                      " bytes");
    }
    const View body = bytes.subspan(record_header_size, header->length);
    const View padding = bytes.subspan(record_header_size + header->length);
    if (std::ranges::any_of(padding, [](uint8_t b) { return b != 0; })) {
        return refuse("padding that is not zero");
    }
    Record record{header->type, std::nullopt};
    switch (header->type) {
    case RecordType::PAGE_DATA: {
        auto pages = PageData::parse(body, gfns);
        if (!pages) {
            return refuse(pages.error().text());
        }
        record.pages = *pages;
        break;
    }
    case RecordType::END:
    case RecordType::VERIFY:
    case RecordType::CHECKPOINT_DIRTY_PFN_LIST:
    case RecordType::CHECKPOINT_DIRTY_PFN_PART:
        return refuse("does not belong into this stream");
    case RecordType::CHECKPOINT:
        if (!body.empty()) {
            return refuse("has a body");
        }
        break;
    }
    return record;
}

Status read_dirty_list(View list, Pages gfns, PageSet& set)
{
    if (list.size() % sizeof(uint64_t) != 0) {
        return bad("a dirty list of " + std::to_string(list.size()) +
                   " bytes is no list of pfns");
    }
    uint64_t least = 0;
    for (size_t at = 0; at < list.size(); at += sizeof(uint64_t)) {
        const auto pfn = load_little<uint64_t>(list.data() + at);
        if (pfn >= gfns.value()) {
            return bad("dirty list: " + beyond(pfn, gfns));
        }
        if (pfn < least) {
            return bad("dirty list: pfn " + hex(pfn) + " does not ascend");
        }
        least = pfn + 1;
        set.insert(Pfn{pfn});
    }
    return {};
}

}  // namespace xl_colo
