// Which frames do not wait. Each starts from one that does not, and has one
// thing changed.
#include "network/neighbour.h"

#include <functional>
#include <utility>
#include <vector>

#include "check.h"

using namespace xl_colo;

namespace {

Buffer bytes_of(std::initializer_list<unsigned> values)
{
    Buffer bytes;
    for (const unsigned value : values) {
        bytes.push_back(static_cast<uint8_t>(value));
    }
    return bytes;
}

Buffer operator+(Buffer left, const Buffer& right)
{
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

const Buffer addresses = bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // to
                                   0, 0x16, 0x3e, 1, 2, 3});            // from
const Buffer arp_type = bytes_of({0x08, 0x06});
const Buffer ipv6_type = bytes_of({0x86, 0xdd});
const Buffer vlan_tag = bytes_of({0x81, 0x00, 0x20, 0x05});
const Buffer service_tag = bytes_of({0x88, 0xa8, 0x00, 0x07});

const Buffer arp = bytes_of({0, 1, 8, 0, 6, 4, 0, 1,      // a request
                             0, 0x16, 0x3e, 1, 2, 3,      // from
                             10, 0, 0, 1,                 //
                             0, 0, 0, 0, 0, 0,            // for
                             10, 0, 0, 2});

Buffer ipv6(const Buffer& message)
{
    Buffer packet = bytes_of({0x6a, 0xbc, 0xde, 0xff,  // class, flow
                              0, unsigned(message.size()), 58, 255});
    packet.resize(40, 0xfe);  // both addresses
    return packet + message;
}

Buffer solicitation()
{
    Buffer message = bytes_of({135, 0, 0x12, 0x34, 0, 0, 0, 0, 0x20, 1});
    message.resize(24);  // the target
    return message;
}

Buffer advertisement()
{
    Buffer message = solicitation();
    message[0] = 136;
    message[4] = 0x60;
    return message;
}

const Buffer source_address = bytes_of({1, 1, 0, 0x16, 0x3e, 1, 2, 3});
const Buffer nonce = bytes_of({14, 1, 1, 2, 3, 4, 5, 6});

bool passes(const Buffer& ethernet, unsigned gso_type = 0)
{
    Buffer bytes = with_virtio_header(ethernet);
    bytes[virtio_gso_type_at] = static_cast<uint8_t>(gso_type);
    return must_not_wait(TapFrame(bytes));
}

// A copy that ends where its memory does, so that a sanitizer sees a step
// further.
bool passes_cut(const Buffer& ethernet, size_t size)
{
    const Buffer cut(ethernet.begin(), ethernet.begin() + long(size));
    return passes(cut);
}

Buffer filled(Buffer frame, size_t size = 60)
{
    frame.resize(std::max(frame.size(), size));
    return frame;
}

std::vector<std::pair<const char*, Buffer>> those_that_pass()
{
    Buffer reply = arp;
    reply[7] = 2;
    return {
        {"ARP request", filled(addresses + arp_type + arp)},
        {"ARP request, not filled up", addresses + arp_type + arp},
        {"ARP reply", filled(addresses + arp_type + reply)},
        {"ARP with a tag", filled(addresses + vlan_tag + arp_type + arp)},
        {"ARP with a tag, filled up behind it",
         filled(addresses + vlan_tag + arp_type + arp, 64)},
        {"ARP with two tags",
         filled(addresses + service_tag + vlan_tag + arp_type + arp, 68)},
        {"NS", addresses + ipv6_type + ipv6(solicitation())},
        {"NS with an address",
         addresses + ipv6_type + ipv6(solicitation() + source_address)},
        {"NS with a nonce",
         addresses + ipv6_type + ipv6(solicitation() + source_address + nonce)},
        {"NA", addresses + ipv6_type + ipv6(advertisement())},
        {"NA with a tag", addresses + vlan_tag + ipv6_type +
                              ipv6(advertisement() + source_address)},
        {"NA with two tags", addresses + service_tag + vlan_tag + ipv6_type +
                                 ipv6(advertisement() + source_address)},
    };
}

void neighbours_questions_and_answers_do_not_wait(void**)
{
    for (const auto& [name, frame] : those_that_pass()) {
        print_message("  %s\n", name);
        assert_true(passes(frame));
    }
}

void a_frame_that_stands_for_several_waits(void**)
{
    for (const auto& [name, frame] : those_that_pass()) {
        for (const unsigned gso_type : {1u, 3u, 4u, 5u, 0x80u, 0x81u}) {
            assert_false(passes(frame, gso_type));
        }
    }
}

void a_frame_cut_anywhere_waits(void**)
{
    for (const auto& [name, frame] : those_that_pass()) {
        // What an ARP frame is filled up with is not part of it.
        size_t whole = frame.size();
        while (frame[whole - 1] == 0) {
            --whole;
        }
        if (frame[12] == 0x86 || frame[16] == 0x86 || frame[20] == 0x86) {
            whole = frame.size();
        }
        for (size_t size = ETH_HLEN; size < whole; ++size) {
            if (passes_cut(frame, size)) {
                fail_msg("%s: %zu bytes of %zu", name, size, frame.size());
            }
        }
    }
}

void each_field_that_is_wrong_makes_it_wait(void**)
{
    const Buffer an_arp = filled(addresses + arp_type + arp);
    const Buffer ns = addresses + ipv6_type +
                      ipv6(solicitation() + source_address + nonce);
    struct Case {
        const char* what;
        const Buffer& frame;
        size_t at;
        std::vector<unsigned> values;
    };
    const Case cases[] = {
        {"type, high", an_arp, 12, {0x00, 0x09, 0x81, 0x88}},
        {"type: IPv4, RARP", an_arp, 13, {0x00, 0x35}},
        {"hardware", an_arp, 14, {1, 255}},
        {"hardware: IEEE 802, none", an_arp, 15, {0, 6}},
        {"protocol, high", an_arp, 16, {0, 0x86}},
        {"protocol, low", an_arp, 17, {1, 0xdd}},
        {"length of an address", an_arp, 18, {0, 5, 7, 8, 255}},
        {"length of a protocol's address", an_arp, 19, {0, 3, 6, 16, 255}},
        {"operation, high", an_arp, 20, {1, 255}},
        {"operation: RARP, InARP, NAK", an_arp, 21, {0, 3, 4, 8, 9, 10, 255}},
        {"version", ns, 14, {0x00, 0x40, 0x4a, 0x50, 0x70, 0xe0}},
        {"length, high", ns, 18, {1, 255}},
        {"length, low", ns, 19, {0, 24, 39, 41, 48, 255}},
        {"next header", ns, 20, {0, 1, 6, 17, 43, 44, 51, 59, 60}},
        {"hop limit", ns, 21, {0, 1, 64, 254}},
        {"message: echo, RS, RA, redirect, MLD", ns, 54,
         {0, 1, 128, 129, 130, 131, 132, 133, 134, 137, 143, 255}},
        {"code", ns, 55, {1, 255}},
        {"target: multicast", ns, 62, {0xff}},
        {"first option's length", ns, 79, {0, 3, 255}},
        {"second option's length", ns, 87, {0, 2, 255}},
    };
    for (const Case& c : cases) {
        assert_true(passes(c.frame));
        for (const unsigned value : c.values) {
            Buffer wrong = c.frame;
            assert_int_not_equal(wrong[c.at], value);
            wrong[c.at] = static_cast<uint8_t>(value);
            if (passes(wrong)) {
                fail_msg("%s: %u", c.what, value);
            }
        }
    }
}

void what_else_is_hidden_in_one_makes_it_wait(void**)
{
    const Buffer three_tags =
        addresses + service_tag + vlan_tag + vlan_tag + arp_type + arp;
    const Buffer address = source_address;
    const std::pair<const char*, Buffer> cases[] = {
        {"ARP with more behind it", filled(addresses + arp_type + arp, 61)},
        {"ARP with a tag and more behind it",
         filled(addresses + vlan_tag + arp_type + arp, 65)},
        {"ARP of 1,514 bytes", filled(addresses + arp_type + arp, 1514)},
        {"ARP with three tags", filled(three_tags, 72)},
        {"NS with more behind it",
         filled(addresses + ipv6_type + ipv6(solicitation()), 79)},
        {"NS with three options",
         addresses + ipv6_type +
             ipv6(solicitation() + address + nonce + address)},
        {"NS with a byte of an option",
         addresses + ipv6_type + ipv6(solicitation() + bytes_of({1}))},
        {"a length in place of a type",
         filled(addresses + bytes_of({0, 28}) + arp)},
        {"tags and nothing else", addresses + vlan_tag + vlan_tag},
        {"nothing but a type", addresses + arp_type},
        {"echo", filled(addresses + bytes_of({8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0,
                                              64, 1}))},
    };
    for (const auto& [name, frame] : cases) {
        print_message("  %s\n", name);
        assert_false(passes(frame));
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_questions_and_answers_do_not_wait),
        cmocka_unit_test(a_frame_that_stands_for_several_waits),
        cmocka_unit_test(a_frame_cut_anywhere_waits),
        cmocka_unit_test(each_field_that_is_wrong_makes_it_wait),
        cmocka_unit_test(what_else_is_hidden_in_one_makes_it_wait),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
