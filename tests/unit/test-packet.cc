// What counts of a frame, and what makes it count as a whole.
#include "compare/packet.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "check.h"
#include "packets.h"

using namespace xl_colo;

namespace {

using Kind = FlowKey::Kind;

Packet parsed(const Buffer& frame)
{
    return parse_packet(TapFrame(frame));
}

std::string text(View bytes)
{
    return {bytes.begin(), bytes.end()};
}

// The same to the comparison.
bool counts_alike(const Packet& a, const Packet& b)
{
    return a.key == b.key && a.traffic_class == b.traffic_class &&
           a.hop_limit == b.hop_limit && a.gso_type == b.gso_type &&
           a.gso_size == b.gso_size && a.fragment == b.fragment &&
           std::ranges::equal(a.first, b.first) &&
           std::ranges::equal(a.second, b.second);
}

std::vector<Route> routes()
{
    std::vector<Route> all;
    for (const bool is_ipv6 : {false, true}) {
        for (const unsigned tags : {0u, 1u, 2u}) {
            all.push_back({is_ipv6, tags});
        }
    }
    return all;
}

Tcp tcp_on(const Route& route)
{
    Tcp tcp;
    tcp.sequence = 0xfffffff0;
    tcp.acknowledgement = 77;
    tcp.flags = tcp_ack | tcp_psh;
    tcp.payload = bytes_of("payload");
    tcp.options = timestamps(1, 2);
    tcp.route = route;
    return tcp;
}

void a_segment_is_found_behind_any_headers(void**)
{
    for (const Route& route : routes()) {
        for (const unsigned mode : {0u, 1u, 2u}) {
            Tcp tcp = tcp_on(route);
            tcp.partial = mode == 1;
            tcp.gso_size = mode == 2 ? 3 : 0;
            const Buffer frame = tcp.frame();
            const Packet packet = parsed(frame);
            assert_true(packet.key.kind == Kind::tcp);
            assert_int_equal(packet.key.tags, route.tags);
            assert_int_equal(packet.key.family, route.is_ipv6 ? 6 : 4);
            assert_int_equal(packet.key.ports[0], 80);
            assert_int_equal(packet.key.ports[1], 40000);
            assert_int_equal(packet.key.from[route.is_ipv6 ? 15 : 3], 1);
            assert_true(packet.tcp.has_value());
            assert_int_equal(packet.tcp->sequence, 0xfffffff0);
            assert_int_equal(packet.tcp->payload_end(), 0xfffffff7);
            assert_int_equal(packet.tcp->acknowledgement, 77);
            assert_int_equal(packet.tcp->flags, tcp_ack | tcp_psh);
            assert_text(text(packet.tcp->payload), "payload");
            const auto place = find_transport(TapFrame(frame));
            assert_true(place.has_value());
            assert_int_equal(place->transport, transport_of(route));
            assert_int_equal(place->partial_checksum, mode != 0);
        }
    }
}

// Otherwise one byte more or less is read somewhere; the memory ends where the
// frame does, so that a sanitizer sees it.
void a_frame_cut_anywhere_is_taken_as_a_whole(void**)
{
    Route with_headers{true, 1};
    with_headers.options = {6, 0, 1, 4, 0, 0, 0, 0};
    std::vector<Buffer> frames{udp_frame(bytes_of("x"), with_headers)};
    for (const Route& route : routes()) {
        frames.push_back(tcp_on(route).frame());
        frames.push_back(udp_frame(bytes_of("datagram"), route));
    }
    for (const Buffer& frame : frames) {
        for (size_t size = virtio_header_size + ETH_HLEN; size < frame.size();
             ++size) {
            const Buffer cut(frame.begin(), frame.begin() + long(size));
            const Packet packet = parsed(cut);
            assert_true(packet.key.kind == Kind::whole);
            assert_int_equal(packet.first.size(), size);
            assert_false(find_transport(TapFrame(cut)).has_value());
        }
    }
}

void a_frame_filled_up_to_the_least_length_is_as_without(void**)
{
    for (Route route : routes()) {
        const size_t size = udp_frame({}, route).size() - virtio_header_size;
        if (route.is_ipv6) {
            continue;  // it is no shorter
        }
        route.fill = 60 + 4 * route.tags - size;
        assert_true(parsed(udp_frame({}, route)).key.kind == Kind::datagrams);
        route.fill += 1;
        assert_true(parsed(udp_frame({}, route)).key.kind == Kind::whole);
        route.fill -= 1;
        Buffer leaking = udp_frame({}, route);
        leaking.back() = 1;
        assert_true(parsed(leaking).key.kind == Kind::whole);
    }
}

struct Change {
    const char* what;
    std::function<void(Buffer&)> make;
};

// Offsets for IPv4 without tags.
void what_is_not_by_the_rules_is_taken_as_a_whole(void**)
{
    const Change changes[] = {
        {"another version", [](Buffer& f) { f[24] = 0x55; }},
        {"a header too short", [](Buffer& f) { f[24] = 0x44; }},
        {"a header beyond the packet", [](Buffer& f) { f[24] = 0x4f; }},
        {"a packet shorter than its header", [](Buffer& f) { f[27] = 19; }},
        {"a packet longer than the frame", [](Buffer& f) { f[26] = 1; }},
        {"bytes behind the packet", [](Buffer& f) { f.push_back(1); }},
        {"the reserved flag", [](Buffer& f) { f[30] = 0x80; }},
        {"three tags",
         [](Buffer& f) {
             const uint8_t tags[] = {0x81, 0, 0, 1, 0x81, 0,
                                     0,    2, 0x81, 0, 0, 3};
             f.insert(f.begin() + 22, std::begin(tags), std::end(tags));
         }},
        {"no IP", [](Buffer& f) { f[22] = 0x88; f[23] = 0xcc; }},
        {"a checksum made elsewhere",
         [](Buffer& f) { f[0] = 1; f[6] = 40; f[8] = 16; }},
        {"a checksum written elsewhere",
         [](Buffer& f) { f[0] = 1; f[6] = 34; f[8] = 20; }},
        {"a flag of virtio's that we do not know",
         [](Buffer& f) { f[0] = 4; }},
        {"segments of UDP", [](Buffer& f) { f[1] = 5; f[4] = 100; }},
        {"segments of IPv6", [](Buffer& f) { f[1] = 4; f[4] = 100; }},
        {"segments of nothing", [](Buffer& f) { f[1] = 0x80; }},
        {"segments of a fragment",
         [](Buffer& f) { f[30] = 0x20; f[1] = 1; f[4] = 100; }},
        {"a checksum for a fragment",
         [](Buffer& f) { f[30] = 0x20; f[0] = 1; }},
    };
    for (const Change& change : changes) {
        Buffer frame = tcp_on({}).frame();
        const bool before = parsed(frame).key.kind == Kind::tcp;
        change.make(frame);
        const Packet packet = parsed(frame);
        const bool segments_of_nothing = frame[1] == 0x80;
        if (!before || (packet.key.kind == Kind::whole) ==
                           segments_of_nothing) {
            fail_msg("%s", change.what);
        }
        assert_true(segments_of_nothing ||
                    packet.first.size() == frame.size());
    }
}

// So that they are compared to the byte, not as a stream.
void a_segment_with_more_to_say_is_no_part_of_a_stream(void**)
{
    const Change changes[] = {
        {"reserved bits", [](Buffer& f) { f[56] |= 2; }},
        {"SYN and FIN", [](Buffer& f) { f[57] = 3; }},
        {"SYN and RST", [](Buffer& f) { f[57] = 6; }},
        {"a header too short", [](Buffer& f) { f[56] = 0x40; }},
        {"a header beyond the packet", [](Buffer& f) { f[56] = 0xf0; }},
        {"an option of MPTCP", [](Buffer& f) { f[66] = 30; }},
        {"timestamps of another length", [](Buffer& f) { f[67] = 8; }},
        {"an option beyond the header", [](Buffer& f) { f[67] = 11; }},
        {"an option of length 0", [](Buffer& f) { f[67] = 0; }},
        {"an option of length 1", [](Buffer& f) { f[67] = 1; }},
        {"bytes behind the options' end", [](Buffer& f) { f[66] = 0; }},
    };
    for (const Change& change : changes) {
        Buffer frame = tcp_on({}).frame();
        change.make(frame);
        if (parsed(frame).key.kind != Kind::datagrams) {
            fail_msg("%s", change.what);
        }
    }
    Tcp with_ip_options = tcp_on({});
    with_ip_options.route.options = {0x94, 4, 0, 0};
    Tcp with_header = tcp_on({true});
    with_header.route.options = {6, 0, 1, 4, 0, 0, 0, 0};
    assert_true(parsed(with_ip_options.frame()).key.kind == Kind::datagrams);
    const Packet packet = parsed(with_header.frame());
    assert_true(packet.key.kind == Kind::datagrams);
    assert_int_equal(packet.key.ports[0], 80);
}

void a_syn_may_have_any_options(void**)
{
    Tcp tcp;
    tcp.flags = tcp_syn;
    tcp.options = {2, 4, 5, 0xb4, 4, 2, 30, 4, 1, 1, 3, 3, 7, 0, 0, 0};
    const Buffer frame = tcp.frame();
    assert_true(parsed(frame).key.kind == Kind::tcp);
    tcp.flags = tcp_ack;
    const Buffer later = tcp.frame();
    assert_true(parsed(later).key.kind == Kind::datagrams);
}

void what_the_card_or_the_clock_fills_in_does_not_count(void**)
{
    for (const Route& route : routes()) {
        const Buffer datagram = udp_frame(bytes_of("one"), route);
        Buffer other = datagram;
        other[virtio_header_size + transport_of(route) + 6] ^= 0xff;
        Route later = route;
        later.identification = 99;
        const Buffer renumbered = udp_frame(bytes_of("one"), later);
        Buffer left = datagram;
        left[0] = 1;
        left[6] = static_cast<uint8_t>(transport_of(route));
        left[8] = 6;
        assert_true(counts_alike(parsed(datagram), parsed(other)));
        assert_true(counts_alike(parsed(datagram), parsed(renumbered)));
        assert_true(counts_alike(parsed(datagram), parsed(left)));
    }
}

// Each byte of the packet is changed in turn.
void every_other_byte_counts(void**)
{
    for (const Route& route : routes()) {
        const Buffer datagram = udp_frame(bytes_of("one"), route);
        const size_t ip = virtio_header_size + ETH_HLEN + 4 * route.tags;
        const size_t checksum = virtio_header_size + transport_of(route) + 6;
        unsigned ignored = 0;
        for (size_t at = ip - 2; at < datagram.size(); ++at) {
            Buffer changed = datagram;
            changed[at] ^= 0x10;
            const bool alike =
                counts_alike(parsed(datagram), parsed(changed));
            const bool expected =
                route.is_ipv6
                    ? (at >= ip + 2 && at < ip + 4)  // flow label
                    : (at >= ip + 4 && at < ip + 6) ||  // identification
                          (at >= ip + 10 && at < ip + 12);  // its checksum
            if (alike != (expected || at / 2 == checksum / 2)) {
                fail_msg("byte %zu", at - ip);
            }
            ignored += alike;
        }
        assert_int_equal(ignored, route.is_ipv6 ? 4 : 6);
    }
}

void fragments_are_told_apart_by_all_but_their_number(void**)
{
    Route first{};
    first.fragment = 0x2000;
    first.identification = 1;
    Route second = first;
    second.identification = 2;
    Route behind = first;
    behind.fragment = 0x2001;
    const Buffer one = ip_frame(first, 17, bytes_of("12345678"));
    const Buffer two = ip_frame(second, 17, bytes_of("12345678"));
    const Buffer three = ip_frame(behind, 17, bytes_of("12345678"));
    const Packet a = parsed(one), b = parsed(two), c = parsed(three);
    assert_true(a.key.kind == Kind::fragments);
    assert_int_equal(a.identification, 1);
    assert_int_equal(b.identification, 2);
    assert_true(counts_alike(a, b));
    assert_false(counts_alike(a, c));
}

void fragments_of_ipv6_are_found_behind_other_headers(void**)
{
    Route route{true};
    route.options = {44, 0, 1, 4, 0, 0, 0, 0,       // destination
                     17, 0, 0, 1, 0, 0, 0x12, 0x34};  // fragment
    const Buffer frame = ip_frame(route, 60, bytes_of("12345678"));
    route.options[15] = 0x35;
    const Buffer renumbered = ip_frame(route, 60, bytes_of("12345678"));
    route.options[11] = 9;
    const Buffer elsewhere = ip_frame(route, 60, bytes_of("12345678"));
    const Packet packet = parsed(frame);
    assert_true(packet.key.kind == Kind::fragments);
    assert_int_equal(packet.key.protocol, 17);
    assert_int_equal(packet.identification, 0x1234);
    assert_text(text(packet.second), "12345678");
    assert_true(counts_alike(packet, parsed(renumbered)));
    assert_false(counts_alike(packet, parsed(elsewhere)));
}

void flows_are_told_apart(void**)
{
    Route vlan{false, 1}, two_vlans{false, 2}, to_other{};
    to_other.to = 3;
    const Buffer echo{8, 0, 0, 0, 0, 1, 0, 1},
        other_echo{8, 0, 0, 0, 0, 2, 0, 1},
        sctp{0, 80, 0, 81, 1, 2, 3, 4}, unreachable{3, 1, 0, 0, 0, 1, 0, 1};
    const Buffer frames[] = {
        udp_frame({}), udp_frame({}, {}, 54), udp_frame({}, {}, 53, 1),
        udp_frame({}, vlan), udp_frame({}, two_vlans), udp_frame({}, to_other),
        udp_frame({}, {true}), ip_frame({}, 1, echo),
        ip_frame({}, 1, other_echo), ip_frame({}, 1, unreachable),
        ip_frame({}, 132, sctp), ip_frame({}, 47, sctp), Tcp{}.frame(),
    };
    const FlowHash hash(bytes_of("key"));
    for (const Buffer& a : frames) {
        const FlowKey key = parsed(a).key;
        assert_true(key.kind != Kind::whole);
        assert_true(key.reversed().reversed() == key);
        for (const Buffer& b : frames) {
            const FlowKey other = parsed(b).key;
            assert_int_equal(key == other, &a == &b);
            assert_int_equal(hash(key) == hash(other), &a == &b);
        }
    }
}

void what_comes_back_has_the_reversed_key(void**)
{
    for (const Route& route : routes()) {
        Tcp out = tcp_on(route), back = tcp_on(route);
        back.route.backwards = true;
        const Buffer there = out.frame(), here = back.frame();
        assert_true(parsed(there).key.reversed() == parsed(here).key);
    }
}

void timestamps_are_found(void**)
{
    const Buffer none{1, 1, 4, 2}, odd{1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0},
        cut{8, 10, 1, 2};
    const Buffer usual = timestamps(1, 2);
    assert_int_equal(*timestamps_at(usual), 4);
    assert_int_equal(*timestamps_at(odd), 3);
    assert_false(timestamps_at(none).has_value());
    assert_false(timestamps_at(cut).has_value());
    assert_false(timestamps_at({}).has_value());
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_found_behind_any_headers),
        cmocka_unit_test(a_frame_cut_anywhere_is_taken_as_a_whole),
        cmocka_unit_test(a_frame_filled_up_to_the_least_length_is_as_without),
        cmocka_unit_test(what_is_not_by_the_rules_is_taken_as_a_whole),
        cmocka_unit_test(a_segment_with_more_to_say_is_no_part_of_a_stream),
        cmocka_unit_test(a_syn_may_have_any_options),
        cmocka_unit_test(what_the_card_or_the_clock_fills_in_does_not_count),
        cmocka_unit_test(every_other_byte_counts),
        cmocka_unit_test(fragments_are_told_apart_by_all_but_their_number),
        cmocka_unit_test(fragments_of_ipv6_are_found_behind_other_headers),
        cmocka_unit_test(flows_are_told_apart),
        cmocka_unit_test(what_comes_back_has_the_reversed_key),
        cmocka_unit_test(timestamps_are_found),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
