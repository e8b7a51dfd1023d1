// What is said for a guest, byte by byte.
#include "network/announcement.h"

#include "check.h"
#include "hex.h"
#include "network/tap_frame.h"

using namespace xl_colo;

namespace {

void a_rarp_request_is_as_rfc_903_has_it(void**)
{
    const Buffer frame = rarp_announcement({0, 0x16, 0x3e, 0xa1, 0xb2, 0xc3});
    assert_text(hex(frame),
                "ff ff ff ff ff ff 00 16\n"  // to all, from the guest
                "3e a1 b2 c3 80 35 00 01\n"  // RARP, of Ethernet
                "08 00 06 04 00 03 00 16\n"  // and IPv4: a request; who asks
                "3e a1 b2 c3 00 00 00 00\n"
                "00 16 3e a1 b2 c3 00 00\n"  // for whom
                "00 00 00 00 00 00 00 00\n"
                "00 00 00 00 00 00 00 00\n"
                "00 00 00 00\n");
}

void a_frame_of_ours_has_an_empty_header_in_front(void**)
{
    const Buffer whole = with_virtio_header(rarp_announcement({}));
    const TapFrame frame(whole);
    assert_int_equal(whole.size(), 70);
    assert_int_equal(frame.ethernet().size(), 60);
    assert_int_equal(frame.ethernet()[0], 0xff);
    assert_false(frame.is_segmented());
    assert_text(hex(frame.bytes().first(8)), "00 00 00 00 00 00 00 00\n");
}

void an_address_is_read_as_xenstore_has_it(void**)
{
    const auto mac = parse_mac("00:16:3e:Ab:cD:ff");
    assert_true(bool(mac));
    assert_text(hex(*mac), "00 16 3e ab cd ff\n");
    for (const char* wrong :
         {"", "00:16:3e:ab:cd", "00:16:3e:ab:cd:f", "00:16:3e:ab:cd:fff",
          "00:16:3e:ab:cd:ff:", "00-16-3e-ab-cd-ff", "00:16:3e:ab:cd:fg",
          "00:16:3e:ab:cd:-1", "00:16:3e:ab:cd:+1", " 0:16:3e:ab:cd:ff",
          "0x:16:3e:ab:cd:ff", "0016:3e:ab:cd::ff", "::::::::::::::::: "}) {
        const auto none = parse_mac(wrong);
        if (none) {
            fail_msg("\"%s\"", wrong);
        }
        assert_contains(none.error().text(), "is no Ethernet address");
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_rarp_request_is_as_rfc_903_has_it),
        cmocka_unit_test(a_frame_of_ours_has_an_empty_header_in_front),
        cmocka_unit_test(an_address_is_read_as_xenstore_has_it),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
