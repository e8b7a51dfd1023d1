// When a frame leaves that the copy has put out as well, and when a checkpoint
// is wished for.
#include "compare/compared_output.h"

#include "network_bed.h"
#include "packets.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Clock = OutputQueue::Clock;

constexpr CheckpointNumber zero{0}, one{1};
const Clock::time_point start{};

struct Bed {
    Bed()
        : output(
              [this](TapFrame frame) {
                  out.emplace_back(frame.bytes().begin(), frame.bytes().end());
              },
              100ms, bytes_of("a key"),
              [this](CheckpointNumber number, const SequenceMapping&) {
                  mapped.push_back(number);
              })
    {
        output.mark(zero);
    }

    std::vector<Buffer> out;
    std::vector<CheckpointNumber> mapped;
    ComparedOutput output;
};

// The first of a connection; the guest and its copy choose other numbers.
Buffer syn(uint32_t sequence, uint16_t port = 40000)
{
    Tcp tcp;
    tcp.sequence = sequence;
    tcp.flags = 0x02;
    tcp.to_port = port;
    return tcp.frame();
}

}  // namespace

// Otherwise a copy that takes over would not know what is answered.
static void connection_waits_until_its_mapping_has_arrived(void**)
{
    Bed bed;
    for (const uint16_t port : {1, 2}) {
        bed.output.put(TapFrame(syn(1000, port)), start);
        bed.output.from_copy(TapFrame(syn(5000, port)));
    }
    assert_int_equal(bed.mapped.size(), 2);
    assert_true(bed.out.empty());
    assert_int_equal(bed.output.figures().frames, 2);
    bed.output.mapping_arrives();
    assert_true(bed.out == std::vector<Buffer>{syn(1000, 1)});
    bed.output.mapping_arrives();
    assert_int_equal(bed.out.size(), 2);
    bed.output.mapping_arrives();  // of none
    assert_int_equal(bed.out.size(), 2);
    assert_int_equal(bed.output.figures().bytes, 0);
}

static void connection_leaves_with_the_next_checkpoint_at_the_latest(void**)
{
    Bed bed;
    bed.output.put(TapFrame(syn(1000)), start);
    bed.output.from_copy(TapFrame(syn(5000)));
    bed.output.mark(one);
    bed.output.release(zero, UINT64_MAX);
    assert_true(bed.out.empty());
    // It was for the copy as it was before.
    bed.output.mapping_arrives();
    assert_true(bed.out.empty());
    bed.output.release(one, UINT64_MAX);
    assert_int_equal(bed.out.size(), 1);
}

static void all_of_it_leaves_when_protection_ends(void**)
{
    Bed bed;
    bed.output.put(TapFrame(syn(1000, 1)), start);
    bed.output.from_copy(TapFrame(syn(5000, 1)));
    bed.output.put(TapFrame(syn(1000, 2)), start);
    bed.output.release_all();
    assert_int_equal(bed.out.size(), 2);
    assert_int_equal(bed.output.figures().frames, 0);
}

static void waits_are_told_by_what_ended_them(void**)
{
    Bed bed;
    const auto datagram = [](uint8_t host) {
        Route route;
        route.to = host;
        return ip_frame(route, 17, Buffer(20));
    };
    const auto now = Clock::now();
    bed.output.put(TapFrame(datagram(1)), now - 40s);
    bed.output.from_copy(TapFrame(datagram(1)));
    bed.output.put(TapFrame(datagram(2)), now - 90s);
    bed.output.mark(one);
    bed.output.release(one, UINT64_MAX);
    const auto waits = bed.output.waits();
    assert_int_equal(bed.out.size(), 2);
    assert_true(waits.confirmed.longest() >= 40s);
    assert_true(waits.confirmed.longest() < 90s);
    assert_true(waits.committed.longest() >= 90s);
}

static void checkpoint_is_wished_for_when_the_copy_is_late(void**)
{
    Bed bed;
    assert_false(bed.output.wish().has_value());
    bed.output.put(TapFrame(syn(1000)), start + 7ms);
    // Its card has to connect first.
    assert_true(bed.output.wish()->at == start + 1007ms);
    bed.output.copy_connects(start + 20ms);
    assert_true(bed.output.wish()->at == start + 120ms);
    bed.output.mark(one);
    assert_false(bed.output.wish().has_value());
}

static void checkpoint_is_wished_for_at_once_where_they_differ(void**)
{
    Bed bed;
    const auto datagram = [](const char* text) {
        Buffer frame(virtio_header_size);
        const Buffer ethernet = test_frame(text);
        frame.insert(frame.end(), ethernet.begin(), ethernet.end());
        return frame;
    };
    bed.output.put(TapFrame(datagram("1")), start + 7ms);
    bed.output.from_copy(TapFrame(datagram("2")));
    assert_true(bed.output.wish()->at < start);
    assert_text(bed.output.differences(), "1 other");
    bed.output.mark(one);
    assert_false(bed.output.wish().has_value());
}

// ---- beside a copy that stands ----------------------------------------------

namespace {

Buffer datagram(uint8_t host)
{
    Route route;
    route.to = host;
    return ip_frame(route, 17, Buffer(20));
}

}  // namespace

static void nothing_leaves_beside_a_copy_that_stands(void**)
{
    Bed bed;
    bed.output.set_copy_runs(false);
    bed.output.put(TapFrame(syn(1000)), start + 7ms);
    bed.output.put(TapFrame(datagram(1)), start + 8ms);
    // Whoever says so: it does not run.
    bed.output.from_copy(TapFrame(syn(5000)));
    bed.output.from_copy(TapFrame(datagram(1)));
    bed.output.mapping_arrives();
    assert_true(bed.out.empty());
    assert_true(bed.mapped.empty());
    assert_true(bed.output.wish()->at == start + 7ms);
    assert_text(bed.output.wish()->why, "output waits");
    assert_text(bed.output.differences(), "none");
    assert_int_equal(bed.output.figures().frames, 2);
    bed.output.mark(one);
    assert_false(bed.output.wish().has_value());
    bed.output.release(zero, UINT64_MAX);
    assert_true(bed.out.empty());
    bed.output.release(one, UINT64_MAX);
    assert_true(bed.out == std::vector<Buffer>({syn(1000), datagram(1)}));
    assert_int_equal(bed.output.figures().frames, 0);
    assert_int_equal(bed.output.figures().committed, 2);
}

// ARP and neighbour discovery, and no more than under output commit.
static void what_must_not_wait_does_not(void**)
{
    Bed bed;
    bed.output.set_copy_runs(false);
    Buffer arp(virtio_header_size + 12);
    append(arp, bytes_of({0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1}));
    arp.resize(virtio_header_size + 14 + 28);
    bed.output.put(TapFrame(arp), start);
    assert_int_equal(bed.out.size(), 1);
    assert_int_equal(bed.output.figures().at_once, 1);
    assert_int_equal(bed.output.felt().frames, 0);
    assert_false(bed.output.wish().has_value());
}

// What the copy has put out before it was made to stand is of a state that is
// no more.
static void what_the_copy_said_before_confirms_nothing(void**)
{
    for (const bool runs_again : {false, true}) {
        Bed bed;
        bed.output.from_copy(TapFrame(datagram(1)));
        bed.output.from_copy(TapFrame(datagram(2)));
        bed.output.put(TapFrame(datagram(1)), start);
        assert_int_equal(bed.out.size(), 1);
        bed.output.mark(one);
        bed.output.set_copy_runs(false);
        bed.output.put(TapFrame(datagram(2)), start);
        bed.output.put(TapFrame(datagram(3)), start);
        bed.output.mark(CheckpointNumber{2});
        bed.output.set_copy_runs(runs_again);
        bed.output.from_copy(TapFrame(datagram(3)));
        assert_int_equal(bed.out.size(), 1);
        bed.output.put(TapFrame(datagram(3)), start);
        // The one of this checkpoint, where both run.
        assert_int_equal(bed.out.size(), runs_again ? 2 : 1);
        bed.output.release(CheckpointNumber{2}, UINT64_MAX);
        assert_int_equal(bed.out.size(), runs_again ? 4 : 3);
    }
}

static void what_waits_beside_a_copy_that_stands_leaves_at_the_end(void**)
{
    Bed bed;
    bed.output.set_copy_runs(false);
    bed.output.put(TapFrame(datagram(1)), start);
    bed.output.mark(one);
    bed.output.put(TapFrame(datagram(2)), start);
    bed.output.release_all();
    assert_true(bed.out == std::vector<Buffer>({datagram(1), datagram(2)}));
}

static void what_is_felt_is_all_that_has_left_and_its_waits(void**)
{
    Bed bed;
    const auto now = Clock::now();
    bed.output.from_copy(TapFrame(datagram(1)));
    bed.output.put(TapFrame(datagram(1)), now);  // at once
    bed.output.put(TapFrame(datagram(2)), now - 40s);
    assert_int_equal(bed.output.felt().frames, 1);
    bed.output.from_copy(TapFrame(datagram(2)));
    bed.output.put(TapFrame(datagram(3)), now - 90s);
    bed.output.mark(one);
    bed.output.set_copy_runs(false);
    bed.output.put(TapFrame(datagram(4)), now - 7s);
    bed.output.release(one, UINT64_MAX);
    assert_int_equal(bed.output.felt().frames, 3);
    bed.output.mark(CheckpointNumber{2});
    bed.output.release(CheckpointNumber{2}, UINT64_MAX);
    assert_int_equal(bed.output.felt().frames, 4);
    assert_true(bed.output.felt().waited >= 137s);
    assert_true(bed.output.felt().waited < 300s);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(connection_waits_until_its_mapping_has_arrived),
        cmocka_unit_test(
            connection_leaves_with_the_next_checkpoint_at_the_latest),
        cmocka_unit_test(all_of_it_leaves_when_protection_ends),
        cmocka_unit_test(waits_are_told_by_what_ended_them),
        cmocka_unit_test(checkpoint_is_wished_for_when_the_copy_is_late),
        cmocka_unit_test(checkpoint_is_wished_for_at_once_where_they_differ),
        cmocka_unit_test(nothing_leaves_beside_a_copy_that_stands),
        cmocka_unit_test(what_must_not_wait_does_not),
        cmocka_unit_test(what_the_copy_said_before_confirms_nothing),
        cmocka_unit_test(
            what_waits_beside_a_copy_that_stands_leaves_at_the_end),
        cmocka_unit_test(what_is_felt_is_all_that_has_left_and_its_waits),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
