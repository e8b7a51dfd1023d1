// compare_pages: what --verify says of a page, and what it lets pass.
#include "pages/page_difference.h"

#include "check.h"

using namespace xl_colo;

namespace {

struct Case {
    const char* name;
    size_t at;
    uint32_t copy, original;
    const char* text;
    bool is_event;
};

void set_word(Buffer& page, size_t at, uint32_t word)
{
    for (size_t i = 0; i < 4; ++i) {
        page[at + i] = static_cast<uint8_t>(word >> (8 * i));
    }
}

void only_events_for_a_suspended_guest_pass(void**)
{
    const Case cases[] = {
        // As it was seen: xenstored's event channel, port 1.
        {"masked_event", 4, 0x40000000, 0xc0000000,
         "0x4e0c (byte 0x7: c0, on the copy 40)", true},
        {"last_word", 4092, 0x40000000, 0xc0000000,
         "0x4e0c (byte 0xfff: c0, on the copy 40)", true},
        {"event_that_is_not_masked", 4, 0, 0x80000000,
         "0x4e0c (byte 0x7: 80, on the copy 00)", false},
        {"event_on_the_copy", 4, 0xc0000000, 0x40000000,
         "0x4e0c (byte 0x7: 40, on the copy c0)", false},
        {"mask", 4, 0, 0x40000000, "0x4e0c (byte 0x7: 40, on the copy 00)",
         false},
        {"link_as_well", 4, 0x40000000, 0xc0000001,
         "0x4e0c (2 bytes from 0x4 to 0x7: 01 00 00 c0, on the copy "
         "00 00 00 40)",
         false},
        {"no_whole_word", 6, 0x40000000, 0xc0000000,
         "0x4e0c (byte 0x9: c0, on the copy 40)", false},
        {"nothing", 4, 7, 7, "0x4e0c (equal when looked at again)", false},
    };
    for (const Case& c : cases) {
        print_message("  %s\n", c.name);
        Buffer original(page_size);
        Buffer copy(page_size);
        set_word(original, c.at, c.original);
        set_word(copy, c.at, c.copy);
        const auto difference = compare_pages(Pfn{0x4e0c}, original, copy);
        assert_text(difference.text, c.text);
        assert_int_equal(difference.is_event, c.is_event);
    }
}

void several_events_pass_but_no_byte_beside_them(void**)
{
    Buffer copy(page_size);
    Buffer original(page_size);
    for (const size_t at : {4, 8, 400}) {
        set_word(copy, at, 0x40000000);
        set_word(original, at, 0xc0000000);
    }
    assert_true(compare_pages(Pfn{1}, original, copy).is_event);
    original[2000] = 1;
    assert_false(compare_pages(Pfn{1}, original, copy).is_event);
    // Too far from each other to be shown.
    assert_text(compare_pages(Pfn{1}, original, copy).text,
                "0x1 (4 bytes from 0x7 to 0x7d0)");
}

void page_that_one_host_lacks_differs(void**)
{
    const Buffer page(page_size);
    const auto lost = compare_pages(Pfn{16}, page, View());
    assert_text(lost.text, "0x10 (not on the copy)");
    assert_false(lost.is_event);
    const auto added = compare_pages(Pfn{16}, View(), page);
    assert_text(added.text, "0x10 (not on the primary)");
    assert_false(added.is_event);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(only_events_for_a_suspended_guest_pass),
        cmocka_unit_test(several_events_pass_but_no_byte_beside_them),
        cmocka_unit_test(page_that_one_host_lacks_differs),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
