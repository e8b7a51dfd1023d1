#include "relay/pages_frame.h"

#include <array>
#include <cstring>
#include <string>

#include "base/bytes.h"

namespace xl_colo {

namespace {

constexpr std::array<uint8_t, page_size> zero_page{};

Error bad(const std::string& what)
{
    return {ErrorKind::protocol, "PAGES: " + what};
}

}  // namespace

bool is_zero_page(View page)
{
    return std::memcmp(page.data(), zero_page.data(), page_size) == 0;
}

void PagesWriter::clear()
{
    head_.resize(pages_header_size);
    count_ = 0;
}

void PagesWriter::add(uint64_t entry)
{
    const size_t at = head_.size();
    head_.resize(at + sizeof(entry));
    store_little(entry, &head_[at]);
    ++count_;
}

View PagesWriter::head()
{
    store_little(count_, head_.data());
    return head_;
}

Result<std::span<const View>> PagesReader::record(View body, Pages gfns,
                                                  PageSet& kept)
{
    if (body.size() < pages_header_size) {
        return bad("cut short within its header");
    }
    const uint64_t count = load_little<uint64_t>(body.data());
    View contents = body.subspan(pages_header_size);
    if (count == 0 || count > contents.size() / sizeof(uint64_t)) {
        return bad("too short for its " + std::to_string(count) + " pages");
    }
    const size_t entries_size = count * sizeof(uint64_t);
    const View entries = contents.first(entries_size);
    contents = contents.subspan(entries_size);

    // The record's header, PAGE_DATA's and the entries without our mark.
    head_.resize(record_header_size + pages_header_size + entries_size);
    pieces_.assign(1, View());
    uint64_t entries_out = 0;
    entries_.clear();
    uint64_t pages = 0;
    uint64_t zeros = 0;
    size_t run = 0;  // bytes of contents since the last zero page
    size_t used = 0;
    const auto end_run = [&] {
        if (run > 0) {
            pieces_.push_back(contents.subspan(used - run, run));
            run = 0;
        }
    };
    for (uint64_t i = 0; i < count; ++i) {
        const auto marked =
            load_little<uint64_t>(&entries[i * sizeof(uint64_t)]);
        const uint64_t entry = marked & ~(pages_zero_flag | pages_kept_flag);
        const auto parsed = PageData::parse_entry(entry, gfns);
        if (!parsed) {
            return bad(parsed.error().text());
        }
        if (entry != marked && !parsed->has_contents) {
            return bad("a page that is not there is marked as zero or kept");
        }
        if (marked & pages_kept_flag) {
            if (marked & pages_zero_flag) {
                return bad("a page is marked both as zero and as kept");
            }
            kept.insert(parsed->pfn);
            continue;
        }
        entries_.push_back(*parsed);
        store_little(entry, &head_[record_header_size + pages_header_size +
                            entries_out++ * sizeof(uint64_t)]);
        if (marked & pages_zero_flag) {
            end_run();
            pieces_.push_back(zero_page);
            ++zeros;
        } else if (parsed->has_contents) {
            if (contents.size() - used < page_size) {
                return bad("holds " + std::to_string(contents.size()) +
                           " bytes of contents, which is too little");
            }
            used += page_size;
            run += page_size;
            ++pages;
        }
    }
    end_run();
    if (used != contents.size()) {
        return bad("holds " + std::to_string(contents.size()) +
                   " bytes of contents for " + std::to_string(pages) +
                   " pages");
    }
    if (entries_out == 0) {
        return std::span<const View>();
    }
    const size_t entries_out_size = entries_out * sizeof(uint64_t);
    head_.resize(record_header_size + pages_header_size + entries_out_size);
    const uint64_t length = pages_header_size + entries_out_size +
                            (pages + zeros) * page_size;
    if (length > record_length_max) {
        return bad("makes a record of " + std::to_string(length) +
                   " bytes, over the limit of " +
                   std::to_string(record_length_max));
    }
    const auto header = record_header_bytes(
        {RecordType::PAGE_DATA, static_cast<uint32_t>(length)});
    std::memcpy(head_.data(), header.data(), header.size());
    store_little(entries_out, head_.data() + record_header_size);
    pieces_[0] = head_;
    return std::span<const View>(pieces_);
}

}  // namespace xl_colo
