// What of the primary's goes out for the copy's sake, and what never does.
#include "compare/comparison.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "check.h"
#include "comparison_bed.h"

using namespace xl_colo;

namespace {

Tcp data(uint32_t sequence, const std::string& text, uint32_t acknowledged = 50)
{
    Tcp tcp;
    tcp.sequence = sequence;
    tcp.acknowledgement = acknowledged;
    tcp.payload = bytes_of(text);
    return tcp;
}

Tcp with_flags(Tcp tcp, uint16_t flags)
{
    tcp.flags = flags;
    return tcp;
}

// ---- TCP ----

void what_the_copy_has_put_out_goes_at_once(void**)
{
    ComparisonBed bed;
    bed.copy(data(100, "hello").frame());
    const Buffer frame = data(100, "hello").frame();
    bed.primary(frame);
    assert_int_equal(bed.out.size(), 1);
    assert_true(bed.out[0] == frame);
    assert_int_equal(bed.waits(), 0);
}

void what_it_has_not_waits_until_it_has(void**)
{
    ComparisonBed bed;
    bed.primary(data(100, "hello").frame(), 7);
    bed.primary(data(105, "world").frame(), 9);
    assert_int_equal(bed.out.size(), 0);
    assert_true(bed.comparison.waiting_since() ==
                ComparisonBed::Time(std::chrono::milliseconds(7)));
    bed.copy(data(100, "hello").frame());
    assert_int_equal(bed.out.size(), 1);
    assert_true(bed.comparison.waiting_since() ==
                ComparisonBed::Time(std::chrono::milliseconds(9)));
    bed.copy(data(105, "world").frame());
    assert_int_equal(bed.out.size(), 2);
    assert_false(bed.comparison.waiting_since().has_value());
    assert_text(bed.why(), "");
}

void segments_may_be_cut_otherwise_and_sent_again(void**)
{
    ComparisonBed bed;
    bed.primary(data(100, "hello world").frame());
    bed.copy(data(100, "hell").frame());
    bed.copy(data(102, "llo w").frame());
    assert_int_equal(bed.out.size(), 0);
    bed.copy(data(100, "hello wor").frame());
    bed.copy(data(109, "ld, and more").frame());
    assert_int_equal(bed.out.size(), 1);
    bed.primary(data(100, "hello").frame());  // once more
    bed.primary(data(111, ", and").frame());
    assert_int_equal(bed.out.size(), 3);
}

void a_segment_for_many_is_as_its_segments(void**)
{
    for (const bool is_ipv6 : {false, true}) {
        ComparisonBed bed;
        Dice dice(3);
        Tcp all = data(100, "");
        all.payload = dice.bytes(60000);
        all.gso_size = 1448;
        all.route.is_ipv6 = is_ipv6;
        bed.primary(all.frame());
        for (size_t at = 0; at < all.payload.size(); at += 1448) {
            Tcp one = all;
            one.gso_size = 0;
            one.sequence += static_cast<uint32_t>(at);
            const size_t end = std::min(at + 1448, all.payload.size());
            one.payload.assign(all.payload.begin() + long(at),
                               all.payload.begin() + long(end));
            assert_int_equal(bed.out.size(), 0);
            bed.copy(one.frame());
        }
        assert_int_equal(bed.out.size(), 1);
    }
}

void what_depends_on_clocks_and_buffers_does_not_matter(void**)
{
    ComparisonBed bed;
    Tcp one = data(100, "hello"), two = one;
    one.options = timestamps(1, 2);
    one.route.identification = 4;
    one.flags |= tcp_psh | tcp_ece;
    two.options = timestamps(9, 9);
    two.window = 1;
    two.partial = true;
    bed.copy(one.frame());
    bed.primary(two.frame());
    assert_int_equal(bed.out.size(), 1);
}

void each_byte_that_differs_is_a_difference(void**)
{
    for (size_t at = 0; at < 5; ++at) {
        ComparisonBed bed;
        Tcp copy = data(100, "hello");
        copy.payload[at] ^= 1;
        bed.copy(copy.frame());
        bed.primary(data(100, "hello").frame());
        assert_text(bed.why(), "TCP: bytes of the stream");
        // Whatever comes then.
        bed.copy(data(100, "hello").frame());
        bed.copy(data(105, "x").frame());
        bed.primary(data(105, "x").frame());
        assert_int_equal(bed.out.size(), 0);
        assert_int_equal(bed.waits(), 2);
    }
}

void a_copy_that_contradicts_itself_confirms_nothing(void**)
{
    ComparisonBed bed;
    bed.copy(data(100, "hello").frame());
    bed.copy(data(102, "LLO").frame());
    bed.primary(data(100, "he").frame());
    assert_int_equal(bed.out.size(), 0);
    assert_text(bed.why(), "TCP: the copy contradicts itself");
}

void an_acknowledgement_goes_as_far_as_the_copys(void**)
{
    ComparisonBed bed;
    bed.primary(data(100, "", 60).frame());
    bed.copy(data(100, "", 59).frame());
    assert_int_equal(bed.out.size(), 0);
    bed.copy(data(100, "", 61).frame());
    assert_int_equal(bed.out.size(), 1);
    bed.primary(data(100, "", 61).frame());
    bed.primary(data(100, "", 60).frame());
    assert_int_equal(bed.out.size(), 3);
    bed.copy(data(100, "hello", 61).frame());
    bed.primary(data(100, "hello", 62).frame());
    assert_int_equal(bed.out.size(), 3);
    assert_text(bed.why(), "");
}

void acknowledgements_wrap_around(void**)
{
    ComparisonBed bed;
    bed.copy(data(100, "", 0xfffffff0).frame());
    bed.copy(data(100, "", 10).frame());
    bed.copy(data(100, "", 0xfffffff8).frame());
    bed.primary(data(100, "", 0xffffffff).frame());
    bed.primary(data(100, "", 10).frame());
    assert_int_equal(bed.out.size(), 2);
    bed.primary(data(100, "", 11).frame());
    assert_int_equal(bed.out.size(), 2);
}

void a_stream_ends_where_the_copys_does(void**)
{
    ComparisonBed bed;
    bed.copy(data(100, "hello").frame());
    bed.primary(with_flags(data(105, ""), tcp_ack | tcp_fin).frame());
    assert_int_equal(bed.out.size(), 0);
    bed.copy(with_flags(data(105, ""), tcp_ack | tcp_fin).frame());
    bed.primary(data(106, "", 50).frame());  // the last acknowledgement
    assert_int_equal(bed.out.size(), 2);

    ComparisonBed goes_on, early;
    goes_on.copy(data(100, "hello").frame());
    goes_on.primary(with_flags(data(103, ""), tcp_ack | tcp_fin).frame());
    assert_text(goes_on.why(), "TCP: the copy has not closed the stream");
    early.copy(with_flags(data(100, "he"), tcp_ack | tcp_fin).frame());
    early.primary(data(100, "hello").frame());
    assert_text(early.why(), "TCP: the copy has closed the stream");
    assert_int_equal(goes_on.out.size() + early.out.size(), 0);
}

void a_reset_waits_for_the_copys(void**)
{
    ComparisonBed bed;
    bed.copy(data(100, "hello").frame());
    bed.primary(with_flags(data(105, ""), tcp_rst).frame());
    assert_int_equal(bed.out.size(), 0);
    bed.copy(with_flags(data(104, ""), tcp_rst).frame());
    assert_int_equal(bed.out.size(), 0);
    bed.copy(with_flags(data(105, ""), tcp_rst).frame());
    assert_int_equal(bed.out.size(), 1);
}

void urgent_data_ends_where_the_copys_does(void**)
{
    ComparisonBed bed;
    Tcp urgent = with_flags(data(100, "hello"), tcp_ack | tcp_urg);
    urgent.urgent = 3;
    bed.copy(data(100, "hello").frame());
    bed.primary(urgent.frame());
    assert_int_equal(bed.out.size(), 0);
    Tcp cut = with_flags(data(102, "llo"), tcp_ack | tcp_urg);
    cut.urgent = 1;
    bed.copy(cut.frame());
    assert_int_equal(bed.out.size(), 1);
}

Tcp syn(uint32_t sequence, uint32_t clock, uint16_t flags = tcp_syn | tcp_ack)
{
    Tcp tcp = with_flags(data(sequence, "", 7), flags);
    tcp.options = {2, 4, 5, 0xb4, 4, 2, 8, 10};
    put_big(tcp.options, clock);
    put_big<uint32_t>(tcp.options, 99);
    append(tcp.options, Buffer{1, 3, 3, 7});
    return tcp;
}

void a_new_connection_is_compared_from_its_syn_on(void**)
{
    ComparisonBed bed;
    bed.primary(syn(0xfffffffe, 500).frame());
    bed.copy(syn(1000, 400).frame());
    assert_int_equal(bed.out.size(), 1);
    assert_int_equal(bed.mapped.size(), 1);
    assert_int_equal(bed.mapped[0].sequence, 0xfffffffeu - 1000);
    assert_int_equal(bed.mapped[0].timestamp, 100);
    assert_int_equal(bed.mapped[0].key.ports[0], 80);
    bed.copy(data(1001, "hello", 60).frame());
    bed.primary(data(0xffffffff, "hello", 60).frame());
    assert_int_equal(bed.out.size(), 2);
    bed.primary(syn(0xfffffffe, 501).frame());  // once more
    assert_int_equal(bed.out.size(), 3);
    bed.primary(data(1001, "hello", 60).frame());
    assert_int_equal(bed.out.size(), 3);
    assert_int_equal(bed.mapped.size(), 1);
}

void syns_have_the_same_options(void**)
{
    const std::function<void(Tcp&)> changes[] = {
        [](Tcp& tcp) { tcp.options[3] = 0; },        // size of segments
        [](Tcp& tcp) { tcp.options[19] = 8; },       // scale of windows
        [](Tcp& tcp) { tcp.options[4] = tcp.options[5] = 1; },  // no SACK
        [](Tcp& tcp) { tcp.flags |= tcp_ece; },
        [](Tcp& tcp) { tcp.flags = tcp_syn; },
    };
    for (const auto& change : changes) {
        ComparisonBed bed;
        Tcp copy = syn(1000, 1);
        change(copy);
        bed.copy(copy.frame());
        bed.primary(syn(2000, 1).frame());
        assert_text(bed.why(), "TCP: options of the SYN");
        assert_int_equal(bed.out.size(), 0);
        assert_int_equal(bed.mapped.size(), 0);
    }
}

// All zeros, so that they are the same wherever one looks.
void numbers_of_before_the_checkpoint_are_not_shifted(void**)
{
    ComparisonBed bed;
    const std::string zeros(100, '\0');
    bed.copy(data(100, zeros).frame());
    bed.primary(data(150, zeros).frame());
    bed.copy(data(1000, zeros).frame());
    assert_int_equal(bed.out.size(), 0);
    bed.copy(data(200, zeros).frame());
    assert_int_equal(bed.out.size(), 1);
    assert_int_equal(bed.mapped.size(), 0);
}

void a_connection_begun_on_one_side_alone_is_not_confirmed(void**)
{
    ComparisonBed bed;
    bed.copy(data(1001, "hello").frame());
    bed.primary(syn(1000, 1).frame());
    bed.primary(data(1001, "hello").frame());
    assert_int_equal(bed.out.size(), 0);
    assert_int_equal(bed.waits(), 2);

    ComparisonBed other;
    other.copy(syn(1000, 1).frame());
    other.copy(data(1001, "hello").frame());
    other.primary(data(1001, "hello").frame());
    assert_int_equal(other.out.size(), 0);
}

void a_port_that_is_used_again_is_another_connection(void**)
{
    ComparisonBed bed;
    for (uint32_t i = 0; i < 30; ++i) {
        const uint32_t p = 1000000 * i, c = 7777777 * i + 5;
        bed.primary(syn(p, 0).frame());
        bed.copy(syn(c, 0).frame());
        bed.primary(data(p + 1, "hello").frame());
        bed.copy(data(c + 1, "hello").frame());
        bed.copy(with_flags(data(c + 6, ""), tcp_ack | tcp_fin).frame());
        bed.primary(with_flags(data(p + 6, ""), tcp_ack | tcp_fin).frame());
        assert_int_equal(bed.out.size(), 3 * (i + 1));
    }
    // Of those before, nothing is kept.
    assert_true(bed.comparison.figures().copy_bytes < 200);
    // One of them is ahead.
    ComparisonBed ahead;
    for (uint32_t i = 0; i < 5; ++i) {
        ahead.copy(syn(1000 * i, 0).frame());
        ahead.copy(data(1000 * i + 1, "x").frame());
    }
    for (uint32_t i = 0; i < 5; ++i) {
        ahead.primary(syn(3000 * i, 0).frame());
        ahead.primary(data(3000 * i + 1, i == 3 ? "y" : "x").frame());
        assert_int_equal(ahead.out.size(), i < 3 ? 2 * i + 2 : 2 * i + 1);
    }
}

// ---- packets ----

Buffer with_checksum_left(Buffer frame)
{
    frame[0] = 1;
    frame[6] = 34;
    frame[8] = 6;
    frame[virtio_header_size + 40] ^= 0xff;
    return frame;
}

void datagrams_are_compared_one_by_one(void**)
{
    ComparisonBed bed;
    bed.primary(udp_frame(bytes_of("one")));
    bed.copy(with_checksum_left(udp_frame(bytes_of("one"))));
    assert_int_equal(bed.out.size(), 1);
    bed.copy(udp_frame(bytes_of("two")));
    bed.primary(udp_frame(bytes_of("two")));
    assert_int_equal(bed.out.size(), 2);
    bed.primary(udp_frame(bytes_of("two")));  // again: the copy has not
    assert_int_equal(bed.out.size(), 2);
    bed.copy(udp_frame(bytes_of("three")));
    assert_text(bed.why(), "UDP: contents of a packet");
    bed.copy(udp_frame(bytes_of("two")));
    assert_int_equal(bed.out.size(), 2);
}

void flows_do_not_wait_for_each_other(void**)
{
    ComparisonBed bed;
    bed.primary(udp_frame(bytes_of("one")));
    bed.primary(udp_frame(bytes_of("two"), {}, 54));
    bed.primary(udp_frame(bytes_of("three"), {true, 1}));
    bed.copy(udp_frame(bytes_of("three"), {true, 1}));
    bed.copy(udp_frame(bytes_of("two"), {}, 54));
    assert_int_equal(bed.out.size(), 2);
    bed.copy(udp_frame(bytes_of("two"), {false, 1}));  // another VLAN's
    assert_int_equal(bed.out.size(), 2);
    assert_text(bed.why(), "");
}

void each_protocol_is_called_by_its_name(void**)
{
    const std::pair<unsigned, std::string> cases[] = {
        {1, "ICMP"}, {58, "ICMP"}, {132, "SCTP"}, {47, "other"},
    };
    for (const auto& [protocol, name] : cases) {
        ComparisonBed bed;
        const auto number = static_cast<uint8_t>(protocol);
        bed.primary(ip_frame({}, number, Buffer{8, 0, 0, 0, 0, 1, 0, 1, 1}));
        bed.copy(ip_frame({}, number, Buffer{8, 0, 0, 0, 0, 1, 0, 1, 2}));
        assert_text(bed.why(), name + ": contents of a packet");
        assert_int_equal(bed.out.size(), 0);
    }
}

Buffer fragment(uint16_t identification, uint16_t where, const char* text)
{
    Route route;
    route.identification = identification;
    route.fragment = where;
    return ip_frame(route, 17, bytes_of(text));
}

void fragments_are_those_of_the_same_packet(void**)
{
    ComparisonBed bed;
    bed.primary(fragment(1, 0x2000, "12345678"));
    bed.primary(fragment(2, 0x2000, "abcdefgh"));
    bed.primary(fragment(1, 0x0001, "9"));
    bed.primary(fragment(2, 0x0001, "i"));
    bed.copy(fragment(71, 0x2000, "12345678"));
    bed.copy(fragment(70, 0x2000, "abcdefgh"));
    bed.copy(fragment(71, 0x0001, "9"));
    assert_int_equal(bed.out.size(), 3);
    bed.copy(fragment(71, 0x0001, "i"));  // of the first packet
    assert_int_equal(bed.out.size(), 3);
    assert_text(bed.why(), "UDP: IP header of a packet");
}

void what_is_no_ip_is_compared_to_the_byte(void**)
{
    ComparisonBed bed;
    Buffer frame = udp_frame(bytes_of("hello"));
    frame[virtio_header_size + 12] = 0x88;
    frame[virtio_header_size + 13] = 0xcc;
    Buffer other = frame;
    other.back() ^= 1;
    bed.copy(frame);
    bed.primary(frame);
    assert_int_equal(bed.out.size(), 1);
    bed.copy(other);
    bed.primary(frame);
    assert_int_equal(bed.out.size(), 1);
    assert_text(bed.why(), "other: contents of a packet");
}

// ---- not compared ----

Buffer icmpv6(uint8_t type, uint8_t hop_limit, bool router_alert)
{
    Route route{true};
    if (router_alert) {
        route.options = {58, 0, 5, 2, 0, 0, 1, 0};
    }
    Buffer message(8);
    message[0] = type;
    Buffer frame = ip_frame(route, 58, message);
    const size_t ip = virtio_header_size + ETH_HLEN;
    if (router_alert) {
        frame[ip + 6] = 0;
    }
    frame[ip + 7] = hop_limit;
    frame[ip + 24] = 0xff;
    frame[ip + 25] = 2;
    return frame;
}

Buffer igmp(uint8_t type)
{
    Route route;
    route.options = {0x94, 4, 0, 0};
    Buffer frame = ip_frame(route, 2, Buffer{type, 0, 0, 0, 224, 0, 0, 5});
    frame[virtio_header_size + ETH_HLEN + 8] = 1;
    frame[virtio_header_size + ETH_HLEN + 16] = 224;
    return frame;
}

void what_is_said_of_the_link_passes_and_says_nothing(void**)
{
    Buffer arp(virtio_header_size + 60);
    const Buffer request{8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
    std::ranges::copy(request, arp.begin() + virtio_header_size + 12);
    const Buffer frames[] = {arp, icmpv6(133, 255, false),
                             icmpv6(143, 1, true), igmp(0x22), igmp(0x16)};
    for (const Buffer& frame : frames) {
        ComparisonBed bed;
        bed.copy(frame);
        bed.primary(frame);
        bed.primary(frame);
        assert_int_equal(bed.out.size(), 2);
        assert_int_equal(bed.comparison.figures().not_compared, 2);
    }
    const Buffer others[] = {icmpv6(133, 64, false), icmpv6(143, 255, true),
                             icmpv6(128, 255, false), igmp(0x11)};
    for (const Buffer& frame : others) {
        ComparisonBed bed;
        bed.primary(frame);
        assert_int_equal(bed.out.size(), 0);
    }
}

// ---- checkpoints ----

void a_checkpoint_takes_what_waits_and_begins_anew(void**)
{
    ComparisonBed bed;
    bed.primary(data(100, "hello").frame(), 1);
    bed.primary(udp_frame(bytes_of("one")), 2);
    bed.copy(udp_frame(bytes_of("two")));
    assert_text(bed.why(), "UDP: contents of a packet");
    bed.comparison.mark(CheckpointNumber(3));
    assert_text(bed.why(), "");
    assert_false(bed.comparison.waiting_since().has_value());
    // The copy's of before confirm nothing of what comes now, and the other
    // way.
    bed.primary(udp_frame(bytes_of("two")), 5);
    bed.copy(data(100, "hello").frame());
    assert_int_equal(bed.out.size(), 0);
    assert_int_equal(bed.comparison.release(CheckpointNumber(2)), 0);
    assert_int_equal(bed.comparison.release(CheckpointNumber(3)), 2);
    assert_true(bed.out[0] == data(100, "hello").frame());
    assert_true(bed.out[1] == udp_frame(bytes_of("one")));
    assert_int_equal(bed.waits(), 1);
    assert_int_equal(bed.comparison.release_all(), 1);
    assert_int_equal(bed.waits(), 0);
    assert_int_equal(bed.comparison.figures().committed_frames, 3);
    assert_int_equal(bed.comparison.figures().bytes, 0);
}

void what_is_dropped_never_goes(void**)
{
    ComparisonBed bed;
    bed.primary(data(100, "hello").frame());
    bed.comparison.mark(CheckpointNumber(1));
    bed.primary(data(105, "hello").frame());
    assert_int_equal(bed.comparison.drop_all(), 2);
    assert_int_equal(bed.comparison.release_all(), 0);
    assert_int_equal(bed.out.size(), 0);
    assert_int_equal(bed.comparison.figures().bytes, 0);
}

// ---- bounds ----

void beyond_the_bound_of_flows_nothing_is_confirmed(void**)
{
    Comparison::Bounds bounds;
    bounds.flows = 2;
    ComparisonBed bed(bounds);
    bed.copy(udp_frame(bytes_of("x"), {}, 1));
    bed.copy(udp_frame(bytes_of("x"), {}, 2));
    assert_text(bed.why(), "");
    bed.copy(udp_frame(bytes_of("x"), {}, 3));
    assert_text(bed.why(), "UDP: more flows than are compared");
    bed.primary(udp_frame(bytes_of("x"), {}, 3));
    bed.primary(data(1, "x").frame());
    assert_int_equal(bed.out.size(), 0);
    bed.primary(udp_frame(bytes_of("x"), {}, 2));
    assert_int_equal(bed.out.size(), 1);
    bed.comparison.mark(CheckpointNumber(1));
    bed.copy(udp_frame(bytes_of("x"), {}, 3));
    bed.primary(udp_frame(bytes_of("x"), {}, 3));
    assert_int_equal(bed.out.size(), 2);
}

void beyond_the_bound_of_bytes_nothing_is_confirmed(void**)
{
    Comparison::Bounds bounds;
    bounds.flow_bytes = 4000;
    ComparisonBed bed(bounds);
    const std::string much(1000, 'x');
    for (uint32_t i = 0; i < 4; ++i) {
        bed.copy(data(100 + i * 1000, much).frame());
    }
    assert_text(bed.why(), "TCP: more of the copy's output than is kept");
    for (uint32_t i = 0; i < 5; ++i) {
        bed.primary(data(100 + i * 1000, much).frame());
    }
    assert_int_equal(bed.out.size(), 0);
    assert_true(bed.comparison.figures().copy_bytes <= 4000);
}

// So that a long transfer does not reach the bound.
void what_was_confirmed_is_forgotten_in_time(void**)
{
    Comparison::Bounds bounds;
    bounds.bytes = 1 << 20;
    bounds.flow_bytes = 400000;
    bounds.history_bytes = 100000;
    ComparisonBed bed(bounds);
    Dice dice(1);
    size_t most = 0;
    uint32_t sequence = 0xfff00000;
    for (unsigned i = 0; i < 3000; ++i) {
        Tcp one = data(sequence, "");
        one.payload = dice.bytes(1448);
        one.to_port = static_cast<uint16_t>(i % 10);
        bed.copy(one.frame());
        bed.primary(one.frame());
        sequence += i % 10 == 9 ? 1448 : 0;
        most = std::max(most, bed.comparison.figures().copy_bytes);
    }
    assert_text(bed.why(), "");
    assert_int_equal(bed.out.size(), 3000);
    assert_true(most <= 1 << 20);
    bed.comparison.mark(CheckpointNumber(1));
    assert_int_equal(bed.comparison.figures().copy_bytes, 0);
}

void ten_thousand_connections(void**)
{
    ComparisonBed bed;
    const auto on = [](unsigned i, Tcp tcp) {
        tcp.to_port = static_cast<uint16_t>(i);
        tcp.route.to = static_cast<uint8_t>(i % 7);
        tcp.route.is_ipv6 = i % 2;
        return tcp.frame();
    };
    constexpr unsigned many = 10000;
    for (unsigned i = 0; i < many; ++i) {
        bed.primary(on(i, syn(i * 7777, i)));
        bed.copy(on(i, syn(i * 9999, i)));
    }
    for (unsigned round = 0; round < 3; ++round) {
        for (unsigned i = 0; i < many; ++i) {
            bed.copy(on(i, data(i * 9999 + 1 + round * 3, "abc")));
        }
        for (unsigned i = many; i-- > 0;) {
            bed.primary(on(i, data(i * 7777 + 1 + round * 3, "abc")));
        }
    }
    assert_text(bed.why(), "");
    assert_int_equal(bed.waits(), 0);
    assert_int_equal(bed.out.size(), 4 * many);
    assert_int_equal(bed.mapped.size(), many - 1);  // 0 is 0
    assert_int_equal(bed.comparison.figures().flows, many);
}

// ---- properties ----

struct Cut {
    uint32_t at, size;
};

// In order, and now and then something again.
std::vector<Cut> random_cuts(Dice& dice, uint32_t size)
{
    std::vector<Cut> cuts;
    for (uint32_t at = 0; at < size;) {
        const uint32_t n = std::min(size - at, 1 + dice.below(400));
        cuts.push_back({at, n});
        at += n;
        if (dice.below(6) == 0) {
            const uint32_t again = dice.below(at);
            cuts.push_back(
                {again, std::min(at - again, 1 + dice.below(500))});
        }
    }
    return cuts;
}

// A whole connection of each side, cut at random and put out in turns; at
// `wrong` the copy has another byte. What goes out is checked against the naive
// reading at the moment at which it does. Returns how many frames waited at the
// end, or nothing when one went out that should not have.
struct Run {
    bool is_sound = true, is_in_order = true;
    size_t left = 0, sent = 0;
    bool differs = false;
    uint32_t first_wrong_out = 0;
};

Run run(uint32_t seed, std::optional<uint32_t> wrong)
{
    Dice dice(seed);
    ComparisonBed bed;
    NaiveCopy naive;
    const uint32_t size = 2000 + dice.below(6000);
    const bool is_new = dice.below(2);
    const uint32_t first_p = dice.below(2) ? 0u - dice.below(size)
                                           : dice.number();
    const uint32_t first_c = is_new ? dice.number() : first_p;
    const Buffer stream = dice.bytes(size);
    Buffer copys = stream;
    if (wrong) {
        copys[*wrong % size] ^= static_cast<uint8_t>(1 + dice.below(255));
    }
    const auto segments = [&](uint32_t first, const Buffer& bytes) {
        std::vector<Tcp> all;
        if (is_new) {
            all.push_back(syn(first, dice.number()));
        }
        for (const Cut cut : random_cuts(dice, size)) {
            Tcp tcp = data(first + is_new + cut.at, "", 100 + cut.at);
            tcp.payload.assign(bytes.begin() + cut.at,
                               bytes.begin() + cut.at + cut.size);
            tcp.options = timestamps(dice.number(), dice.number());
            tcp.gso_size = dice.below(3) ? 0 : 100;
            all.push_back(tcp);
        }
        all.push_back(with_flags(data(first + is_new + size, "", 100 + size),
                                 tcp_ack | tcp_fin));
        return all;
    };
    const std::vector<Tcp> ps = segments(first_p, stream),
                           cs = segments(first_c, copys);
    Run result;
    std::vector<Buffer> expected;
    size_t p = 0, c = 0;
    const auto check = [&](size_t before) {
        for (size_t i = before; i < bed.out.size(); ++i) {
            result.is_in_order &= bed.out[i] == expected[i];
            result.is_sound &= naive.has(ps[i], first_p - first_c);
        }
    };
    while (p < ps.size() || c < cs.size()) {
        const size_t before = bed.out.size();
        if (c == cs.size() || (p < ps.size() && dice.below(2))) {
            expected.push_back(ps[p++].frame());
            bed.primary(expected.back());
        } else {
            naive.put(cs[c]);
            bed.copy(cs[c++].frame());
        }
        check(before);
    }
    result.left = bed.waits();
    result.sent = ps.size();
    result.differs = bed.comparison.difference().has_value();
    return result;
}

void the_same_stream_is_confirmed_however_it_is_cut(void**)
{
    for (uint32_t seed = 0; seed < 300; ++seed) {
        const Run result = run(seed, std::nullopt);
        if (!result.is_sound || !result.is_in_order || result.left != 0 ||
            result.differs) {
            fail_msg("seed %u: %zu left", seed, result.left);
        }
    }
}

void one_other_byte_is_never_confirmed(void**)
{
    for (uint32_t seed = 0; seed < 300; ++seed) {
        const Run result = run(seed, seed * 2654435761u);
        if (!result.is_sound || !result.is_in_order || result.left == 0 ||
            !result.differs) {
            fail_msg("seed %u", seed);
        }
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_the_copy_has_put_out_goes_at_once),
        cmocka_unit_test(what_it_has_not_waits_until_it_has),
        cmocka_unit_test(segments_may_be_cut_otherwise_and_sent_again),
        cmocka_unit_test(a_segment_for_many_is_as_its_segments),
        cmocka_unit_test(what_depends_on_clocks_and_buffers_does_not_matter),
        cmocka_unit_test(each_byte_that_differs_is_a_difference),
        cmocka_unit_test(a_copy_that_contradicts_itself_confirms_nothing),
        cmocka_unit_test(an_acknowledgement_goes_as_far_as_the_copys),
        cmocka_unit_test(acknowledgements_wrap_around),
        cmocka_unit_test(a_stream_ends_where_the_copys_does),
        cmocka_unit_test(a_reset_waits_for_the_copys),
        cmocka_unit_test(urgent_data_ends_where_the_copys_does),
        cmocka_unit_test(a_new_connection_is_compared_from_its_syn_on),
        cmocka_unit_test(syns_have_the_same_options),
        cmocka_unit_test(numbers_of_before_the_checkpoint_are_not_shifted),
        cmocka_unit_test(
            a_connection_begun_on_one_side_alone_is_not_confirmed),
        cmocka_unit_test(a_port_that_is_used_again_is_another_connection),
        cmocka_unit_test(datagrams_are_compared_one_by_one),
        cmocka_unit_test(flows_do_not_wait_for_each_other),
        cmocka_unit_test(each_protocol_is_called_by_its_name),
        cmocka_unit_test(fragments_are_those_of_the_same_packet),
        cmocka_unit_test(what_is_no_ip_is_compared_to_the_byte),
        cmocka_unit_test(what_is_said_of_the_link_passes_and_says_nothing),
        cmocka_unit_test(a_checkpoint_takes_what_waits_and_begins_anew),
        cmocka_unit_test(what_is_dropped_never_goes),
        cmocka_unit_test(beyond_the_bound_of_flows_nothing_is_confirmed),
        cmocka_unit_test(beyond_the_bound_of_bytes_nothing_is_confirmed),
        cmocka_unit_test(what_was_confirmed_is_forgotten_in_time),
        cmocka_unit_test(ten_thousand_connections),
        cmocka_unit_test(the_same_stream_is_confirmed_however_it_is_cut),
        cmocka_unit_test(one_other_byte_is_never_confirmed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
