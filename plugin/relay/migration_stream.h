// libxc's migration stream, as far as whoever stands in its way has to know it.
// Source: docs/specs/libxc-migration-stream.pandoc and
// tools/libs/guest/xg_sr_stream_format.h, Xen 4.17.
//
// What is looked into is held to the letter: headers, PAGE_DATA, dirty lists.
// The rest passes as it is, records of unknown type too: both of its ends are
// libxc, the receiving one is never the older, and it refuses a mandatory
// record that it does not know. So an update of Xen needs none of ours.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "pages/page_set.h"
#include "wire/frame.h"

namespace xl_colo {

// The image header (24 bytes) and the domain header (16 bytes).
constexpr size_t stream_headers_size = 40;
constexpr size_t record_header_size = 8;
// REC_LENGTH_MAX of xg_sr_stream_format.h, Xen 4.10 and later.
constexpr uint32_t record_length_max = 128u << 20;
static_assert(frame_body_max == record_length_max + record_header_size +
                                    sizeof(uint64_t));

enum class RecordType : uint32_t {
    END = 0x00,
    PAGE_DATA = 0x01,
    VERIFY = 0x0d,
    CHECKPOINT = 0x0e,
    CHECKPOINT_DIRTY_PFN_LIST = 0x0f,
    CHECKPOINT_DIRTY_PFN_PART = 0x13,  // with our patches/ only (F6)
};

// "record 0x9 (HVM context)"; also for types that nobody knows.
std::string to_string(RecordType type);

struct RecordHeader {
    RecordType type;
    uint32_t length;  // of the body, in bytes, without padding

    // With header and padding.
    size_t record_size() const
    {
        return record_header_size + length + padding_of(length);
    }
};

// Every function here errs with protocol.

// An HVM guest's image in little-endian byte order, version 2 or 3.
Status check_stream_headers(View bytes);

// The first 8 bytes of `bytes`. Errs when the record is longer than libxc
// takes.
Result<RecordHeader> parse_record_header(View bytes);
std::array<uint8_t, record_header_size> record_header_bytes(
    RecordHeader header);

// A PAGE_DATA record's body; borrows it.
class PageData {
public:
    struct Entry {
        Pfn pfn;
        bool has_contents;  // false for pages that are not there any more
        uint64_t bits;      // as the record has it, with the type
    };

    static Result<Entry> parse_entry(uint64_t entry, Pages gfns);

    // Checks all of it: every pfn lies below `gfns`, and there is one page of
    // contents for every entry that has some. libxc (4.17) does not check the
    // pfns of an HVM guest at all: it grows its own bitmap to hold them.
    static Result<PageData> parse(View body, Pages gfns);

    size_t count() const { return entries_.size() / sizeof(uint64_t); }
    Entry entry(size_t index) const;
    // Of the entries that have some, one page after another.
    View contents() const { return contents_; }

private:
    PageData(View entries, View contents)
        : entries_(entries), contents_(contents) {}

    View entries_;
    View contents_;
};

// One whole record on its way from save to restore; borrows its bytes.
struct Record {
    RecordType type;
    std::optional<PageData> pages;  // of a PAGE_DATA record
};

// `bytes` is header, body and padding, no more and no less. Refused are the
// records that would make a restore do something else than build the copy:
// VERIFY (pages are compared from then on, no longer stored), END (libxc takes
// it for an end in good order; a COLO save never writes one) and dirty lists,
// which go the other way.
Result<Record> parse_record(View bytes, Pages gfns);

// Adds the pfns of a dirty list as libxc holds them to `set`: 8 bytes each,
// ascending, each once, below `gfns`, for which the set was made.
Status read_dirty_list(View list, Pages gfns, PageSet& set);

}  // namespace xl_colo
