// What a peer and the copy say to each other, in each other's numbers.
#include "compare/sequence_map.h"

#include <algorithm>

#include "check.h"
#include "packets.h"

using namespace xl_colo;

namespace {

constexpr uint32_t primarys = 0xfffffff0, copys = 1000;

FlowKey key_of(const Buffer& frame)
{
    return parse_packet(TapFrame(frame)).key;
}

// Of the guest to its peer, and back.
Tcp out(const Route& route, uint32_t sequence)
{
    Tcp tcp;
    tcp.sequence = sequence;
    tcp.acknowledgement = 77;
    tcp.payload = bytes_of("hello");
    tcp.options = timestamps(400, 9);
    tcp.route = route;
    return tcp;
}

Tcp back(Route route, uint32_t acknowledgement)
{
    route.backwards = true;
    Tcp tcp;
    tcp.sequence = 77;
    tcp.acknowledgement = acknowledgement;
    tcp.payload = bytes_of("asked");
    tcp.route = route;
    return tcp;
}

SequenceMap map_of(const Route& route)
{
    SequenceMap map(10, bytes_of("key"));
    map.learn({key_of(out(route, 0).frame()), copys, primarys - copys, 100});
    return map;
}

std::vector<Route> routes()
{
    return {{}, {true}, {false, 1}, {true, 2}};
}

// The frame as it would have been made; so its checksum is right, too.
void what_the_copy_sends_has_the_primarys_numbers(void**)
{
    for (const Route& route : routes()) {
        for (const bool partial : {false, true}) {
            SequenceMap map = map_of(route);
            Tcp sent = out(route, copys + 1), wanted = out(route, primarys + 1);
            wanted.options = timestamps(500, 9);
            sent.partial = wanted.partial = partial;
            Buffer frame = sent.frame();
            assert_true(map.from_copy(frame));
            assert_true(frame == wanted.frame());
        }
    }
}

Buffer sack(uint32_t first, uint32_t second, bool odd)
{
    // NOPs: so that a number begins at an odd place, or not.
    Buffer options = odd ? Buffer{1} : Buffer{1, 1};
    append(options, Buffer{5, 18});
    for (const uint32_t edge : {first, second, second + 5, second + 9}) {
        put_big(options, edge);
    }
    options.resize((options.size() + 3) / 4 * 4);
    return options;
}

void what_the_peer_sends_has_the_copys(void**)
{
    for (const Route& route : routes()) {
        for (const unsigned mode : {0u, 1u, 2u, 3u}) {
            const SequenceMap map = map_of(route);
            Tcp sent = back(route, primarys + 20),
                wanted = back(route, copys + 20);
            sent.partial = wanted.partial = mode == 3;
            if (mode < 2) {
                sent.options = sack(primarys + 30, primarys + 50, mode);
                wanted.options = sack(copys + 30, copys + 50, mode);
            } else {
                sent.options = timestamps(5, 450);
                wanted.options = timestamps(5, 350);
            }
            Buffer frame = sent.frame();
            assert_true(map.to_copy(frame));
            assert_true(frame == wanted.frame());
        }
    }
}

void a_segment_without_an_acknowledgement_stays_as_it_is(void**)
{
    const SequenceMap map = map_of({});
    Tcp reset = back({}, primarys);
    reset.flags = tcp_rst;
    Buffer frame = reset.frame();
    assert_true(map.to_copy(frame));
    assert_true(frame == reset.frame());
}

void others_stay_as_they_are(void**)
{
    SequenceMap map = map_of({});
    Tcp other = out({}, copys);
    other.to_port += 1;
    const Buffer frames[] = {
        other.frame(), udp_frame(bytes_of("x")), out({true}, copys).frame(),
        out({false, 1}, copys).frame(), Buffer(virtio_header_size + ETH_HLEN)};
    for (const Buffer& frame : frames) {
        Buffer changed = frame;
        assert_false(map.from_copy(changed));
        assert_false(map.to_copy(changed));
        assert_true(changed == frame);
    }
    // Nor in the wrong direction.
    Buffer frame = back({}, 1).frame();
    assert_false(map.from_copy(frame));
    frame = out({}, 1).frame();
    assert_false(map.to_copy(frame));
}

// So that the copy finds out what length of packets the path takes.
void an_error_is_about_what_the_copy_has_sent(void**)
{
    for (const bool is_ipv6 : {false, true}) {
        const SequenceMap map = map_of({is_ipv6});
        const auto error = [&](uint32_t sequence) {
            const Buffer about = out({is_ipv6}, sequence).frame();
            const size_t ip = virtio_header_size + ETH_HLEN;
            const size_t quoted = is_ipv6 ? 60 : 28;
            Buffer message{is_ipv6 ? uint8_t{2} : uint8_t{3},
                           is_ipv6 ? uint8_t{0} : uint8_t{4},
                           0, 0, 0, 0, 5, 0};
            append(message, View(about).subspan(ip, quoted));
            // Without a pseudo-header: only that it stays as right matters.
            const uint16_t sum = plain_checksum(message);
            message[2] = static_cast<uint8_t>(sum >> 8);
            message[3] = static_cast<uint8_t>(sum);
            Route route{is_ipv6};
            route.from = 9;
            return ip_frame(route, is_ipv6 ? 58 : 1, message);
        };
        Buffer frame = error(primarys + 5);
        assert_true(map.to_copy(frame));
        // The quoted checksum is the other segment's.
        Buffer wanted = error(copys + 5);
        assert_true(
            is_ipv6 ||
            std::equal(frame.end() - 4, frame.end(), wanted.end() - 4));
        const size_t icmp = transport_of({is_ipv6}) + virtio_header_size;
        assert_int_equal(plain_checksum(View(frame).subspan(icmp)), 0);
        // Cut anywhere.
        for (size_t size = icmp; size < frame.size(); ++size) {
            Buffer cut(frame.begin(), frame.begin() + long(size));
            const size_t length = size - virtio_header_size - ETH_HLEN;
            cut[virtio_header_size + ETH_HLEN + (is_ipv6 ? 5 : 3)] =
                static_cast<uint8_t>(length - (is_ipv6 ? 40 : 0));
            (void)map.to_copy(cut);
        }
    }
}

void a_mapping_ends_with_its_connection(void**)
{
    SequenceMap map = map_of({});
    Tcp syn = out({}, copys);
    syn.flags = tcp_syn | tcp_ack;
    Buffer again = syn.frame();
    assert_true(map.from_copy(again));  // sent once more
    assert_int_equal(map.size(), 1);
    syn.sequence += 1;
    Buffer another = syn.frame();
    assert_false(map.from_copy(another));
    assert_true(another == syn.frame());
    assert_int_equal(map.size(), 0);

    SequenceMap by_reset = map_of({});
    Tcp reset = out({}, copys + 9);
    reset.flags = tcp_rst;
    Buffer frame = reset.frame();
    assert_true(by_reset.from_copy(frame));
    assert_int_equal(by_reset.size(), 0);

    // The peer, or who pretends to be it, cannot end one.
    SequenceMap by_peer = map_of({});
    for (const uint16_t flags : {tcp_rst, tcp_syn}) {
        Tcp from_peer = back({}, 0);
        from_peer.flags = flags;
        Buffer bytes = from_peer.frame();
        by_peer.to_copy(bytes);
    }
    assert_int_equal(by_peer.size(), 1);
    by_peer.reset();
    assert_int_equal(by_peer.size(), 0);
}

void there_are_so_many_and_no_more(void**)
{
    SequenceMap map(3, bytes_of("key"));
    FlowKey key = key_of(out({}, 0).frame());
    for (uint16_t port = 0; port < 5; ++port) {
        key.ports[1] = port;
        assert_int_equal(map.learn({key, 1, 2, 3}), port < 3);
    }
    key.ports[1] = 0;
    assert_true(map.learn({key, 5, 6, 7}));  // in the other's place
    assert_int_equal(map.size(), 3);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_the_copy_sends_has_the_primarys_numbers),
        cmocka_unit_test(what_the_peer_sends_has_the_copys),
        cmocka_unit_test(a_segment_without_an_acknowledgement_stays_as_it_is),
        cmocka_unit_test(others_stay_as_they_are),
        cmocka_unit_test(an_error_is_about_what_the_copy_has_sent),
        cmocka_unit_test(a_mapping_ends_with_its_connection),
        cmocka_unit_test(there_are_so_many_and_no_more),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
