#include "relay/migration_stream.h"

#include <algorithm>
#include <functional>

#include "check.h"
#include "fake_stream.h"

using namespace xl_colo;

namespace {

constexpr Pages gfns{64};

Buffer changed(Buffer bytes, size_t at, uint8_t to)
{
    bytes[at] = to;
    return bytes;
}

Buffer resized(Buffer bytes, size_t size)
{
    bytes.resize(size);
    return bytes;
}

struct Case {
    const char* name;
    Buffer bytes;
    const char* error;  // nullptr: it is fine
};

template <typename Check>
void run(const std::vector<Case>& cases, Check check)
{
    for (const Case& c : cases) {
        print_message("  %s\n", c.name);
        const auto result = check(c.bytes);
        if (!c.error) {
            if (!result) {
                fail_msg("%s", result.error().text().c_str());
            }
            continue;
        }
        assert_false(static_cast<bool>(result));
        assert_true(result.error().kind() == ErrorKind::protocol);
        assert_text(result.error().text(), c.error);
    }
}

void stream_headers_are_checked(void**)
{
    const Buffer good = stream_headers();
    run({
            {"hvm_version_3_is_fine", good, nullptr},
            {"version_2_is_fine", changed(good, 15, 2), nullptr},
            {"cut_short", resized(good, 39),
             "the stream's headers measure 39 bytes, not 40"},
            {"too_long", resized(good, 41),
             "the stream's headers measure 41 bytes, not 40"},
            {"empty", {}, "the stream's headers measure 0 bytes, not 40"},
            {"marker_with_a_hole", changed(good, 3, 0xfe),
             "the stream does not begin as one of libxc's"},
            {"other_id", changed(good, 8, 'Y'),
             "the stream does not begin as one of libxc's"},
            {"version_1", changed(good, 15, 1),
             "the stream has version 1, known are 2 and 3"},
            {"version_4", changed(good, 15, 4),
             "the stream has version 4, known are 2 and 3"},
            {"version_in_the_wrong_order",
             changed(changed(good, 15, 0), 12, 3),
             "the stream has version 50331648, known are 2 and 3"},
            {"big_endian", changed(good, 17, 1), "the stream is big-endian"},
            {"pv_guest", changed(good, 24, 1),
             "the stream is of guest type 1, not of an HVM guest"},
            {"large_pages", changed(good, 28, 21),
             "the stream has pages of 2^21 bytes"},
            {"newer_xen_is_fine", changed(good, 36, 99), nullptr},
        },
        check_stream_headers);
}

void record_headers_are_checked(void**)
{
    const auto header = [](uint32_t type, uint32_t length) {
        const auto bytes = record_header_bytes({RecordType{type}, length});
        return Buffer(bytes.begin(), bytes.end());
    };
    run({
            {"checkpoint", header(0xe, 0), nullptr},
            {"greatest_length", header(1, 128 << 20), nullptr},
            {"one_byte_more", header(9, (128 << 20) + 1),
             "record 0x9 (HVM context): length 134217729 is over the limit of "
             "134217728"},
            {"length_is_not_signed", header(9, 0xffffffff),
             "record 0x9 (HVM context): length 4294967295 is over the limit "
             "of 134217728"},
            {"cut_short", resized(header(1, 0), 7),
             "a record of 7 bytes is too short for its header"},
        },
        parse_record_header);

    const auto h = parse_record_header(header(0x80000001, 9));
    assert_true(h->type == RecordType{0x80000001});
    assert_int_equal(h->length, 9);
    assert_int_equal(h->record_size(), 24);
    assert_int_equal(RecordHeader({RecordType{}, 0}).record_size(), 8);
    assert_int_equal(RecordHeader({RecordType{}, 8}).record_size(), 16);
    assert_int_equal(
        RecordHeader({RecordType{}, record_length_max}).record_size(),
        frame_body_max - 8);
}

void records_have_names(void**)
{
    assert_text(to_string(RecordType::PAGE_DATA), "record 0x1 (Page data)");
    assert_text(to_string(rec_hvm_params), "record 0xa (HVM params)");
    assert_text(to_string(RecordType::CHECKPOINT_DIRTY_PFN_LIST),
                "record 0xf (Checkpoint dirty pfn list)");
    assert_text(to_string(RecordType{0x12}), "record 0x12 (x86 MSR policy)");
    assert_text(to_string(RecordType{0x14}), "record 0x14");
    assert_text(to_string(RecordType{0x80000000}), "record 0x80000000");
}

const Buffer a_page(page_size, 0xaa);

Buffer page_data(const std::function<void(PageDataWriter&)>& fill)
{
    PageDataWriter writer;
    fill(writer);
    return record_bytes(RecordType::PAGE_DATA, writer.take());
}

void whole_records_are_checked(void**)
{
    const Buffer two = page_data([](auto& w) {
        w.add(Pfn{0}, a_page);
        w.add_absent(Pfn{7});
        w.add(Pfn{63}, a_page);
    });
    const Buffer odd = record_bytes(rec_hvm_context, Buffer(13, 1));
    run({
            {"page_data", two, nullptr},
            {"page_data_without_contents",
             page_data([](auto& w) { w.add_absent(Pfn{7}); }), nullptr},
            {"page_data_naming_a_page_twice",
             page_data([](auto& w) {
                 w.add(Pfn{7}, a_page);
                 w.add(Pfn{7}, a_page);
             }),
             nullptr},
            {"page_table_pages_have_contents",
             page_data([](auto& w) {
                 for (const uint64_t type : {1, 2, 3, 4, 9, 10, 11, 12}) {
                     w.add_typed(type, Pfn{type}, a_page);
                 }
             }),
             nullptr},
            {"broken_and_xalloc_pages_have_none",
             page_data([](auto& w) {
                 w.add_typed(0xd, Pfn{1}, {});
                 w.add_typed(0xe, Pfn{2}, {});
             }),
             nullptr},
            {"page_of_an_unknown_type",
             page_data([](auto& w) { w.add_typed(5, Pfn{1}, a_page); }),
             "record 0x1 (Page data): entry 0x5000000000000001 is of no known "
             "type"},
            {"page_with_reserved_bits",
             page_data([](auto& w) {
                 w.add(Pfn{uint64_t{1} << 52 | 1}, a_page);
             }),
             "record 0x1 (Page data): entry 0x10000000000001 is of no known "
             "type"},
            {"page_beyond_the_guest",
             page_data([](auto& w) {
                 w.add(Pfn{1}, a_page);
                 w.add(Pfn{64}, a_page);
             }),
             "record 0x1 (Page data): pfn 0x40 is beyond the guest's 64 "
             "pages"},
            {"absent_page_beyond_the_guest",
             page_data([](auto& w) {
                 w.add_absent(Pfn{(uint64_t{1} << 52) - 1});
             }),
             "record 0x1 (Page data): pfn 0xfffffffffffff is beyond the "
             "guest's 64 pages"},
            {"page_data_without_pages", page_data([](auto&) {}),
             "record 0x1 (Page data): names no page"},
            {"page_data_without_its_header",
             record_bytes(RecordType::PAGE_DATA, Buffer(7, 0)),
             "record 0x1 (Page data): cut short within its header"},
            {"page_data_with_one_pfn_more_than_it_has", changed(two, 8, 4),
             "record 0x1 (Page data): pfn 0xaaaaaaaaaaaaa is beyond the "
             "guest's 64 pages"},
            {"page_data_with_more_pfns_than_it_can_hold",
             changed(two, 11, 0xff),
             "record 0x1 (Page data): too short for its 4278190083 pfns"},
            {"page_data_with_too_few_contents",
             page_data([](auto& w) {
                 w.add(Pfn{1}, View(a_page).first(4088));
             }),
             "record 0x1 (Page data): holds 4088 bytes of contents for 1 "
             "pages"},
            {"page_data_with_contents_for_an_absent_page",
             page_data([](auto& w) { w.add_typed(0xf, Pfn{1}, a_page); }),
             "record 0x1 (Page data): holds 4096 bytes of contents for 0 "
             "pages"},
            {"opaque_record_with_padding", odd, nullptr},
            {"padding_that_is_not_zero", changed(odd, 23, 1),
             "record 0x9 (HVM context): padding that is not zero"},
            {"record_cut_short", resized(odd, 21),
             "record 0x9 (HVM context): length 13 does not fit 21 bytes"},
            {"record_with_more_after_it", resized(odd, 32),
             "record 0x9 (HVM context): length 13 does not fit 32 bytes"},
            {"length_that_lies", changed(odd, 5, 0xff),
             "record 0x9 (HVM context): length 65293 does not fit 24 bytes"},
            {"nothing", {}, "a record of 0 bytes is too short for its header"},
            {"checkpoint", record_bytes(RecordType::CHECKPOINT), nullptr},
            {"checkpoint_with_a_body",
             record_bytes(RecordType::CHECKPOINT, Buffer(8, 0)),
             "record 0xe (Checkpoint): has a body"},
            {"unknown_mandatory_record_passes",
             record_bytes(RecordType{0x55}, Buffer(3, 9)), nullptr},
            {"unknown_optional_record_passes",
             record_bytes(RecordType{0x80000055}, Buffer(3, 9)), nullptr},
            {"end", record_bytes(RecordType::END),
             "record 0x0 (End): does not belong into this stream"},
            {"verify", record_bytes(RecordType::VERIFY),
             "record 0xd (Verify): does not belong into this stream"},
            {"dirty_list",
             record_bytes(RecordType::CHECKPOINT_DIRTY_PFN_LIST),
             "record 0xf (Checkpoint dirty pfn list): does not belong into "
             "this stream"},
            {"part_of_a_dirty_list",
             record_bytes(RecordType::CHECKPOINT_DIRTY_PFN_PART),
             "record 0x13 (Checkpoint dirty pfn part): does not belong into "
             "this stream"},
        },
        [](View bytes) { return parse_record(bytes, gfns); });
}

void page_data_is_read_as_it_was_written(void**)
{
    Buffer pages[2] = {Buffer(page_size, 1), Buffer(page_size, 2)};
    const Buffer bytes = page_data([&](auto& w) {
        w.add(Pfn{3}, pages[0]);
        w.add_absent(Pfn{9});
        w.add(Pfn{62}, pages[1]);
    });
    const auto record = parse_record(bytes, gfns);
    assert_true(record->type == RecordType::PAGE_DATA);
    assert_int_equal(record->pages->count(), 3);
    assert_true(record->pages->entry(0).pfn == Pfn{3});
    assert_true(record->pages->entry(0).has_contents);
    assert_true(record->pages->entry(1).pfn == Pfn{9});
    assert_false(record->pages->entry(1).has_contents);
    assert_true(record->pages->entry(2).pfn == Pfn{62});
    const View contents = record->pages->contents();
    assert_int_equal(contents.size(), 2 * page_size);
    assert_true(std::ranges::equal(contents.first(page_size), pages[0]));
    assert_true(std::ranges::equal(contents.last(page_size), pages[1]));
}

void page_data_cut_at_every_byte_is_an_error(void**)
{
    PageDataWriter writer;
    writer.add(Pfn{3}, a_page);
    writer.add_absent(Pfn{4});
    const Buffer body = writer.take();
    for (size_t size = 0; size < body.size(); ++size) {
        assert_false(
            static_cast<bool>(PageData::parse(View(body).first(size), gfns)));
    }
    assert_true(static_cast<bool>(PageData::parse(body, gfns)));
}

void dirty_lists_are_checked(void**)
{
    run({
            {"empty", {}, nullptr},
            {"one", list_bytes({5}), nullptr},
            {"first_and_last", list_bytes({0, 63}), nullptr},
            {"beyond_the_guest", list_bytes({0, 64}),
             "dirty list: pfn 0x40 is beyond the guest's 64 pages"},
            {"far_beyond", list_bytes({~uint64_t{0}}),
             "dirty list: pfn 0xffffffffffffffff is beyond the guest's 64 "
             "pages"},
            {"twice", list_bytes({5, 5}),
             "dirty list: pfn 0x5 does not ascend"},
            {"twice_zero", list_bytes({0, 0}),
             "dirty list: pfn 0x0 does not ascend"},
            {"descending", list_bytes({5, 6, 4}),
             "dirty list: pfn 0x4 does not ascend"},
            {"half_a_pfn", resized(list_bytes({5, 6}), 12),
             "a dirty list of 12 bytes is no list of pfns"},
        },
        [](View bytes) {
            PageSet set(gfns);
            return read_dirty_list(bytes, gfns, set);
        });

    std::vector<uint64_t> all;
    for (uint64_t pfn = 0; pfn < gfns.value(); ++pfn) {
        all.push_back(pfn);
    }
    PageSet set(gfns);
    assert_true(static_cast<bool>(read_dirty_list({}, gfns, set)));
    assert_true(set.size() == Pages{0});
    assert_true(static_cast<bool>(
        read_dirty_list(list_bytes(all), gfns, set)));
    assert_true(set.size() == gfns);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(stream_headers_are_checked),
        cmocka_unit_test(record_headers_are_checked),
        cmocka_unit_test(records_have_names),
        cmocka_unit_test(whole_records_are_checked),
        cmocka_unit_test(page_data_is_read_as_it_was_written),
        cmocka_unit_test(page_data_cut_at_every_byte_is_an_error),
        cmocka_unit_test(dirty_lists_are_checked),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
