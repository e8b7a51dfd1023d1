// What becomes of a guest's frames, between two taps of this kernel's own, in a
// network namespace where nobody else is.
#include "network/frame_pump.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "network/committed_output.h"

#include "fake_log.h"
#include "slowed.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Frames = std::vector<std::string>;
using Output = FramePump::Output;

constexpr FramePump::Bounds wide{Bytes{1 << 20}, 1000};

// A broadcast of a type that nobody knows; or an ARP request.
Buffer frame_of(const std::string& text, bool arp = false)
{
    Buffer frame(60, 0);
    std::fill_n(frame.begin(), 6, 0xff);
    frame[6] = 0x02;
    const uint16_t type = arp ? 0x0806 : 0x88b5;
    frame[12] = static_cast<uint8_t>(type >> 8);
    frame[13] = static_cast<uint8_t>(type);
    if (arp) {
        const uint8_t request[] = {0, 1, 8, 0, 6, 4, 0, 1};
        std::ranges::copy(request, frame.begin() + 14);
    } else {
        std::ranges::copy(text, frame.begin() + 14);
    }
    return frame;
}

// A tap's interface, as the host sees it.
class HostEnd {
public:
    explicit HostEnd(const std::string& name)
        : socket_(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)))
    {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(if_nametoindex(name.c_str()));
        assert_int_equal(
            bind(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                 sizeof(address)),
            0);
    }
    void send(const Buffer& frame)
    {
        assert_int_equal(::send(socket_.get(), frame.data(), frame.size(), 0),
                         static_cast<int>(frame.size()));
    }
    // What comes out of it, until nothing has for so long.
    Frames receive(size_t expected, std::chrono::milliseconds quiet = 100ms)
    {
        Frames all;
        for (;;) {
            pollfd fd{socket_.get(), POLLIN, 0};
            const auto patience =
                all.size() < expected ? slowed(5000ms) : quiet;
            if (poll(&fd, 1, static_cast<int>(patience.count())) <= 0) {
                return all;
            }
            uint8_t bytes[2048];
            sockaddr_ll from{};
            socklen_t size = sizeof(from);
            const ssize_t r =
                recvfrom(socket_.get(), bytes, sizeof(bytes), 0,
                         reinterpret_cast<sockaddr*>(&from), &size);
            if (r < 60 || from.sll_pkttype == PACKET_OUTGOING) {
                continue;
            }
            all.push_back(bytes[12] == 0x08
                              ? "arp"
                              : reinterpret_cast<const char*>(bytes + 14));
        }
    }

private:
    UniqueFd socket_;
};

struct Bed {
    explicit Bed(Output output, FramePump::Bounds bounds = wide)
        : from_guest(std::move(*Tap::make("xc1.0o"))),
          to_guest(std::move(*Tap::make("xc1.0i"))),
          output_end("xc1.0o"),
          input_end("xc1.0i"),
          pump(from_guest, to_guest, output, bounds,
               make_committed_output,
               {[this](const std::string&) { ++waits; }, [this] { ++full; },
                {}},
               log)
    {
    }
    void guest_sends(const Frames& texts)
    {
        for (const auto& text : texts) {
            output_end.send(frame_of(text, text == "arp"));
        }
    }

    FakeLog log;
    std::atomic<int> waits{0}, full{0};
    Tap from_guest, to_guest;
    HostEnd output_end, input_end;
    FramePump pump;  // last: it uses all the others
};

template <typename Condition>
void wait_until(Condition condition)
{
    const auto deadline = std::chrono::steady_clock::now() + slowed(5000ms);
    while (!condition()) {
        assert_true(std::chrono::steady_clock::now() < deadline);
        std::this_thread::sleep_for(1ms);
    }
}

void output_passes(void**)
{
    Bed bed(Output::passes);
    bed.guest_sends({"one", "two"});
    assert_true(bed.output_end.receive(2) == (Frames{"one", "two"}));
    assert_int_equal(bed.waits, 0);
}

void output_waits_for_its_checkpoint(void**)
{
    Bed bed(Output::waits);
    bed.guest_sends({"one", "two"});
    bed.pump.mark(CheckpointNumber{1});
    bed.guest_sends({"three"});
    wait_until([&] { return bed.pump.figures().held.frames == 3; });
    assert_true(bed.output_end.receive(0).empty());
    // Once for each checkpoint. The first mark may have been as quick.
    assert_true(bed.waits == 1 || bed.waits == 2);
    bed.pump.mark(CheckpointNumber{2});

    bed.pump.release(CheckpointNumber{1});
    assert_true(bed.output_end.receive(2) == (Frames{"one", "two"}));
    bed.guest_sends({"four"});
    bed.pump.release(CheckpointNumber{2});
    assert_true(bed.output_end.receive(1) == (Frames{"three"}));
    bed.pump.open();
    bed.guest_sends({"five"});
    // What came while it waited comes before what comes now.
    assert_true(bed.output_end.receive(2) == (Frames{"four", "five"}));
}

void neighbours_do_not_wait(void**)
{
    Bed bed(Output::waits);
    bed.guest_sends({"one", "arp"});
    assert_true(bed.output_end.receive(1) == (Frames{"arp"}));
}

void copy_says_nothing(void**)
{
    Bed bed(Output::is_dropped);
    bed.guest_sends({"one", "arp"});
    bed.input_end.send(frame_of("two"));
    assert_true(bed.output_end.receive(0).empty());
    assert_true(bed.input_end.receive(0).empty());
    assert_true(bool(bed.pump.send(frame_of("here it is"))));
    assert_true(bed.output_end.receive(1) == (Frames{"here it is"}));
}

void input_waits_while_the_guest_stands(void**)
{
    Bed bed(Output::waits);
    bed.pump.set_input(false);
    Frames sent;
    for (int i = 0; i < 300; ++i) {
        sent.push_back(std::to_string(i));
        bed.input_end.send(frame_of(sent.back()));
    }
    assert_true(bed.input_end.receive(0).empty());
    bed.pump.set_input(true);
    assert_true(bed.input_end.receive(300) == sent);
}

// Not a frame is lost when more waits than may, and no more is kept than twice
// as much.
void too_much_output_is_told_once(void**)
{
    Bed bed(Output::waits, {Bytes{1 << 20}, 4});
    Frames sent;
    for (int i = 0; i < 50; ++i) {
        sent.push_back(std::to_string(i));
    }
    bed.guest_sends(sent);
    wait_until([&] { return bed.full > 0; });
    std::this_thread::sleep_for(50ms);
    assert_int_equal(bed.full, 1);
    // Frames are taken in many at a time.
    assert_true(bed.pump.figures().held.frames <= 8 + 64);
    for (uint64_t n = 1; n <= 50; ++n) {
        bed.pump.mark(CheckpointNumber{n});
        bed.pump.release(CheckpointNumber{n});
    }
    assert_true(bed.output_end.receive(50) == sent);
}

// A queue that has more than it lets out at a time; just then the guest sends a
// frame.
class LongRelease : public OutputQueue {
public:
    LongRelease(HostEnd& guest, Frames& seen) : guest_(guest), seen_(seen) {}

    void put(TapFrame frame, Clock::time_point) override
    {
        seen_.emplace_back(
            reinterpret_cast<const char*>(&frame.ethernet()[14]));
    }
    uint64_t release(CheckpointNumber, uint64_t limit) override
    {
        seen_.emplace_back("some go");
        if (seen_.size() > 1) {
            return 0;
        }
        guest_.send(frame_of("one comes"));
        return limit;
    }
    void mark(CheckpointNumber) override {}
    void release_all() override {}
    std::optional<Wish> wish() const override { return std::nullopt; }
    Figures figures() const override { return {}; }
    Waits waits() const override { return {}; }

private:
    HostEnd& guest_;
    Frames& seen_;
};

// Otherwise a tap's queue would overflow.
void what_comes_while_much_is_let_out_is_taken_in(void**)
{
    FakeLog log;
    Tap from_guest = std::move(*Tap::make("xc1.0o")),
        to_guest = std::move(*Tap::make("xc1.0i"));
    HostEnd output_end("xc1.0o");
    Frames seen;
    {
        FramePump pump(
            from_guest, to_guest, Output::waits, wide,
            [&](const OutputQueue::Sink&) {
                return std::make_unique<LongRelease>(output_end, seen);
            },
            {[](const std::string&) {}, [] {}, {}}, log);
        pump.release(CheckpointNumber{1});
    }
    assert_true(seen == (Frames{"some go", "one comes", "some go"}));
}

void tap_that_is_taken_away_is_told(void**)
{
    Bed bed(Output::waits);
    assert_true(bool(bed.pump.health()));
    assert_int_equal(system("ip link delete xc1.0o"), 0);
    wait_until([&] { return !bed.pump.health(); });
}

}  // namespace

int main()
{
    if (unshare(CLONE_NEWNET) != 0) {
        std::fprintf(stderr, "skipped: no network namespace: %s\n",
                     std::strerror(errno));
        return 77;
    }
    if (const auto tap = Tap::make("xc1.0t"); !tap) {
        std::fprintf(stderr, "skipped: %s\n", tap.error().text().c_str());
        return 77;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(output_passes),
        cmocka_unit_test(output_waits_for_its_checkpoint),
        cmocka_unit_test(neighbours_do_not_wait),
        cmocka_unit_test(copy_says_nothing),
        cmocka_unit_test(input_waits_while_the_guest_stands),
        cmocka_unit_test(too_much_output_is_told_once),
        cmocka_unit_test(what_comes_while_much_is_let_out_is_taken_in),
        cmocka_unit_test(tap_that_is_taken_away_is_told),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
