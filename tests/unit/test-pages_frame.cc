// PagesWriter and PagesReader: a PAGE_DATA record's way over the wire.
#include "relay/pages_frame.h"

#include "check.h"
#include "fake_stream.h"

using namespace xl_colo;

namespace {

constexpr Pages gfns{64};
constexpr uint64_t absent = uint64_t{0xf} << 60;
constexpr uint64_t pinned_table = uint64_t{0x9} << 60;

Buffer filled(uint8_t byte)
{
    return Buffer(page_size, byte);
}

Buffer body(const std::vector<uint64_t>& entries,
            const std::vector<uint8_t>& pages)
{
    PagesWriter writer;
    for (const uint64_t entry : entries) {
        writer.add(entry);
    }
    const View head = writer.head();
    Buffer bytes(head.begin(), head.end());
    for (const uint8_t page : pages) {
        const Buffer contents = filled(page);
        bytes.insert(bytes.end(), contents.begin(), contents.end());
    }
    return bytes;
}

Buffer joined(std::span<const View> pieces)
{
    Buffer all;
    for (const View& piece : pieces) {
        all.insert(all.end(), piece.begin(), piece.end());
    }
    return all;
}

void frame_becomes_the_record_it_was(void**)
{
    PageDataWriter record;
    record.add(Pfn{1}, filled(1));
    record.add(Pfn{2}, filled(0));
    record.add(Pfn{3}, filled(0));
    record.add_absent(Pfn{4});
    record.add(Pfn{5}, filled(5));
    record.add_typed(0x9, Pfn{63}, filled(6));
    const Buffer expected = record_bytes(RecordType::PAGE_DATA, record.take());

    const Buffer frame =
        body({1, pages_zero_flag | 2, pages_zero_flag | 3, absent | 4, 5,
              pinned_table | 63},
             {1, 5, 6});
    PagesReader reader;
    PageSet kept(gfns);
    for (int i = 0; i < 2; ++i) {  // a reader is used over and over
        const auto pieces = reader.record(frame, gfns, kept);
        assert_true(static_cast<bool>(pieces));
        assert_true(joined(*pieces) == expected);
    }
    // All at once where no zero page is between: not page by page.
    const Buffer no_zeros = body({1, 2, 3}, {1, 2, 3});
    const auto few = reader.record(no_zeros, gfns, kept);
    assert_int_equal(few->size(), 2);
    assert_int_equal(kept.size().value(), 0);
}

void pages_that_are_kept_are_told_and_not_in_the_record(void**)
{
    PageDataWriter record;
    record.add(Pfn{2}, filled(2));
    record.add(Pfn{5}, filled(5));
    const Buffer expected = record_bytes(RecordType::PAGE_DATA, record.take());
    PagesReader reader;
    PageSet kept(gfns);
    const Buffer frame =
        body({pages_kept_flag | 1, 2, pages_kept_flag | 4, 5}, {2, 5});
    const auto pieces = reader.record(frame, gfns, kept);
    assert_true(static_cast<bool>(pieces));
    assert_true(joined(*pieces) == expected);
    assert_int_equal(kept.size().value(), 2);
    assert_true(kept.contains(Pfn{1}) && kept.contains(Pfn{4}));
    const Buffer all_kept = body({pages_kept_flag | 63}, {});
    const auto none = reader.record(all_kept, gfns, kept);
    assert_true(static_cast<bool>(none));
    assert_true(none->empty());
    assert_true(kept.contains(Pfn{63}));
}

void frame_that_is_no_record_is_refused(void**)
{
    Buffer zeros = body(std::vector<uint64_t>(32768, pages_zero_flag), {});
    const Buffer most = body(std::vector<uint64_t>(32000, pages_zero_flag), {});
    const struct {
        const char* name;
        Buffer bytes;
        const char* error;
    } cases[] = {
        {"too_short", Buffer(7), "PAGES: cut short within its header"},
        {"no_page", body({}, {}), "PAGES: too short for its 0 pages"},
        {"count_that_lies", BodyWriter().u64(uint64_t{1} << 61).u64(0).take(),
         "PAGES: too short for its 2305843009213693952 pages"},
        {"page_beyond", body({64}, {1}),
         "PAGES: pfn 0x40 is beyond the guest's 64 pages"},
        {"zero_page_beyond", body({64 | pages_zero_flag}, {}),
         "PAGES: pfn 0x40 is beyond the guest's 64 pages"},
        {"unknown_type", body({uint64_t{5} << 60 | 1}, {}),
         "PAGES: entry 0x5000000000000001 is of no known type"},
        {"bit_that_means_nothing", body({uint64_t{1} << 57 | 1}, {1}),
         "PAGES: entry 0x200000000000001 is of no known type"},
        {"absent_and_zero", body({absent | pages_zero_flag | 1}, {}),
         "PAGES: a page that is not there is marked as zero or kept"},
        {"absent_and_kept", body({absent | pages_kept_flag | 1}, {}),
         "PAGES: a page that is not there is marked as zero or kept"},
        {"zero_and_kept",
         body({pages_zero_flag | pages_kept_flag | 1}, {}),
         "PAGES: a page is marked both as zero and as kept"},
        {"kept_page_beyond", body({64 | pages_kept_flag}, {}),
         "PAGES: pfn 0x40 is beyond the guest's 64 pages"},
        {"contents_of_a_kept_page", body({pages_kept_flag | 1}, {1}),
         "PAGES: holds 4096 bytes of contents for 0 pages"},
        {"contents_missing", body({1, 2}, {1}),
         "PAGES: holds 4096 bytes of contents, which is too little"},
        {"contents_left", body({1}, {1, 2}),
         "PAGES: holds 8192 bytes of contents for 1 pages"},
        {"more_than_a_record_holds", zeros,
         "PAGES: makes a record of 134479880 bytes, over the limit of "
         "134217728"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.name);
        PagesReader reader;
        PageSet kept(gfns);
        const auto record = reader.record(c.bytes, gfns, kept);
        assert_false(static_cast<bool>(record));
        assert_true(record.error().kind() == ErrorKind::protocol);
        assert_text(record.error().text(), c.error);
    }
    PagesReader reader;
    PageSet kept(gfns);
    assert_true(static_cast<bool>(reader.record(most, gfns, kept)));
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(frame_becomes_the_record_it_was),
        cmocka_unit_test(pages_that_are_kept_are_told_and_not_in_the_record),
        cmocka_unit_test(frame_that_is_no_record_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
