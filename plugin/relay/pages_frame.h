// The body of a PAGES frame: a PAGE_DATA record without the pages that the
// secondary has, and with a mark where a page holds nothing but zeros.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "relay/migration_stream.h"

namespace xl_colo {

constexpr size_t pages_header_size = 8;
// In an entry, beside the type and the pfn of PAGE_DATA: no contents follow,
// the page is all zero.
constexpr uint64_t pages_zero_flag = uint64_t{1} << 59;
// The same, but the page is not sent: the secondary is to have it as it is.
constexpr uint64_t pages_kept_flag = uint64_t{1} << 58;

bool is_zero_page(View page);

// Makes the frame out of the pages that remain.
class PagesWriter {
public:
    void clear();
    // `entry` as the record has it.
    void add(uint64_t entry);
    size_t count() const { return count_; }
    // The header and the entries; the contents of those that are not marked
    // follow. Valid until the next call of anything but this.
    View head();

private:
    Buffer head_ = Buffer(pages_header_size);
    size_t count_ = 0;
};

// Turns it back into a PAGE_DATA record. Keeps its memory for the next one.
class PagesReader {
public:
    // The whole record in pieces, which borrow `body` and this; none where the
    // frame has marks of kept pages alone, which are added to `kept`. Error
    // protocol: a page lies beyond `gfns` or is of no known type, the contents
    // do not fit the entries, or the record would be longer than libxc takes.
    Result<std::span<const View>> record(View body, Pages gfns,
                                         PageSet& kept);
    // Those of the last record. Valid until the next one.
    const std::vector<PageData::Entry>& entries() const { return entries_; }

private:
    Buffer head_;
    std::vector<View> pieces_;
    std::vector<PageData::Entry> entries_;
};

}  // namespace xl_colo
