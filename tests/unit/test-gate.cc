// A gate on an interface of this host's kernel, and what is left of it. Skipped
// where the kernel lacks one of the filters, as on a virtual machine without
// modules; a host that runs Xen has them.
#include "network/gate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <vector>

#include "check.h"
#include "network/announcement.h"
#include "network/traffic_control.h"
#include "network_bed.h"

using namespace xl_colo;

namespace {

NetworkBed* bed;

const TapNames names = tap_names(Domid(7), 0, false);

std::string what_of(const Status& s)
{
    return s ? "" : s.error().text();
}

template <typename T>
std::string what_of(const Result<T>& result)
{
    return result ? "" : result.error().text();
}

// That of another process, which ends without a word.
void leave_a_dead_gate()
{
    int ready[2];
    char byte = 0;
    if (pipe2(ready, O_CLOEXEC) < 0) {
        return;
    }
    const pid_t child = fork();
    if (child == 0) {
        const auto gate = Gate::set_up("vif", names);
        (void)!write(ready[1], &byte, bool(gate));
        pause();
        _exit(0);
    }
    close(ready[1]);
    (void)!read(ready[0], &byte, 1);
    close(ready[0]);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

void taps_are_called_after_their_card(void**)
{
    const TapNames emulated = tap_names(Domid(32751), 255, true);
    assert_text(names.output, "xc7.0o");
    assert_text(names.input, "xc7.0i");
    assert_text(emulated.output, "xc32751.255eo");
    assert_text(emulated.input, "xc32751.255ei");
}

void only_what_is_written_back_passes(void**)
{
    std::vector<std::string> seen;
    const std::string before = seen_by_admin();
    {
        auto gate = Gate::set_up("vif", names);
        if (!gate) {
            fail_msg("%s", gate.error().text().c_str());
        }
        bed->guest_port->send("kept");
        bed->guest_port->send("let out");
        seen.push_back(next_of(gate->output(), false));
        seen.push_back(next_of(gate->output()));
        seen.push_back(bed->client_port->receive());
        bed->client_port->send("kept, too");
        bed->client_port->send("let in");
        seen.push_back(next_of(gate->input(), false));
        seen.push_back(next_of(gate->input()));
        seen.push_back(bed->guest_port->receive());
        // Later, and in another order, as one may.
        bed->guest_port->send("1");
        bed->client_port->send("2");
        seen.push_back(next_of(gate->input()));
        seen.push_back(next_of(gate->output()));
        seen.push_back(bed->client_port->receive());
        seen.push_back(bed->guest_port->receive());
    }
    const std::string after = seen_by_admin();
    const std::vector<std::string> expected{
        "kept", "let out", "let out", "kept, too", "let in", "let in",
        "2",    "1",       "1",       "2"};
    for (size_t i = 0; i < expected.size(); ++i) {
        assert_text(seen[i], expected[i]);
    }
    assert_text(changes(before, after), "");
    assert_true(bed->is_open());
}

// A connection of the kernel's own, with segments and checksums left to cards
// that are none.
struct Stream {
    static constexpr size_t size = 4 << 20;

    UniqueFd socket;
    size_t sent = 0, received = 0;
    bool right = true;

    static uint8_t byte(size_t at) { return uint8_t(at * 7 + (at >> 11)); }
    bool is_done() const { return sent == size && received == size; }
    void step()
    {
        Buffer bytes(65536);
        if (sent < size) {
            const size_t part = std::min(bytes.size(), size - sent);
            for (size_t i = 0; i < part; ++i) {
                bytes[i] = byte(sent + i);
            }
            const ssize_t r = ::send(socket.get(), bytes.data(), part,
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
            sent += r > 0 ? size_t(r) : 0;
        }
        const ssize_t r =
            recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        for (ssize_t i = 0; i < r; ++i) {
            right &= bytes[size_t(i)] == byte(received++);
        }
    }
};

sockaddr_in client_address()
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(7777);
    inet_pton(AF_INET, "10.9.0.2", &address.sin_addr);
    return address;
}

UniqueFd tcp_socket(const Namespace& where)
{
    return where.inside([] {
        return UniqueFd(socket(
            AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    });
}

struct Traffic {
    size_t frames = 0, segmented = 0, longest = 0;
    std::string error;

    void pass(Tap& tap)
    {
        for (;;) {
            const auto frame = tap.read();
            if (!frame || !*frame) {
                error += what_of(frame);
                return;
            }
            ++frames;
            segmented += (*frame)->is_segmented();
            longest = std::max(longest, (*frame)->bytes().size());
            error += what_of(tap.write(**frame));
        }
    }
};

// 60,000 bytes of TCP that a card was to send as 42 frames, with the checksums
// that it was to make.
Buffer long_frame()
{
    Buffer bytes{1, 1, 54, 0, 0xa8, 0x05, 34, 0, 16, 0};  // virtio_net_hdr
    for (const uint8_t byte :
         {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0,
          // IPv4
          0x45, 0, 0xea, 0x88, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 1, 10, 9,
          0, 3,
          // TCP
          0x10, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0,
          0, 0, 0}) {
        bytes.push_back(byte);
    }
    for (size_t i = 0; i < 60000; ++i) {
        bytes.push_back(Stream::byte(i));
    }
    return bytes;
}

// The next that stands for several, written back.
Buffer next_long_one(Tap& tap)
{
    for (const Deadline deadline = soon();;) {
        const auto frame = tap.read();
        if (!frame) {
            return {};
        }
        if (*frame) {
            const View bytes = (*frame)->bytes();
            const Buffer copy(bytes.begin(), bytes.end());
            const bool is_it = (*frame)->is_segmented();
            if (!tap.write(**frame) || is_it) {
                return copy;
            }
            continue;
        }
        const auto ready = wait_ready(tap.fd(), POLLIN, -1, deadline);
        if (!ready || *ready != Ready::yes) {
            return {};
        }
    }
}

void a_frame_that_stands_for_several_passes_whole(void**)
{
    const Buffer sent = long_frame();
    Buffer out, received, in, received_in;
    bool is_sent = false;
    {
        Port guest(bed->guest, "guest", ETH_P_IP);
        Port client(bed->client, "client", ETH_P_IP);
        auto gate = Gate::set_up("vif", names);
        if (gate) {
            is_sent = guest.send_bytes(sent);
            out = next_long_one(gate->output());
            received = client.receive_bytes();
            is_sent &= client.send_bytes(sent);
            in = next_long_one(gate->input());
            received_in = guest.receive_bytes();
        }
    }
    assert_true(is_sent);
    assert_true(out == sent);
    assert_true(received == sent);
    assert_true(in == sent);
    assert_true(received_in == sent);
}

void a_connection_s_long_frames_pass_whole(void**)
{
    Traffic out, in;
    Stream guest, client;
    uint64_t dropped = 99;
    {
        auto gate = Gate::set_up("vif", names);
        const sockaddr_in address = client_address();
        const auto* at = reinterpret_cast<const sockaddr*>(&address);
        const UniqueFd listener = tcp_socket(bed->client);
        bind(listener.get(), at, sizeof(address));
        listen(listener.get(), 1);
        guest.socket = tcp_socket(bed->guest);
        connect(guest.socket.get(), at, sizeof(address));
        for (const Deadline deadline =
                 *soon() + std::chrono::seconds(60);
             gate && !(guest.is_done() && client.is_done()) &&
             std::chrono::steady_clock::now() < *deadline;) {
            pollfd fds[] = {{gate->output().fd(), POLLIN, 0},
                            {gate->input().fd(), POLLIN, 0}};
            poll(fds, 2, 10);
            out.pass(gate->output());
            in.pass(gate->input());
            if (!client.socket) {
                client.socket.reset(accept4(listener.get(), nullptr, nullptr,
                                            SOCK_NONBLOCK | SOCK_CLOEXEC));
            }
            if (client.socket) {
                guest.step();
                client.step();
            }
        }
        if (gate) {
            dropped = gate->output().dropped().value();
        }
    }
    print_message("  out: %zu frames, %zu segmented, longest %zu; "
                  "in: %zu, %zu, %zu\n",
                  out.frames, out.segmented, out.longest, in.frames,
                  in.segmented, in.longest);
    assert_text(out.error + in.error, "");
    assert_true(guest.is_done() && client.is_done());
    assert_true(guest.right && client.right);
    assert_int_equal(dropped, 0);
    assert_in_range(out.longest, 2000, tap_frame_max);
    assert_in_range(in.longest, 2000, tap_frame_max);
    assert_in_range(out.segmented, 1, out.frames);
    assert_in_range(in.segmented, 1, in.frames);
}

void what_nobody_has_read_passes_at_the_end(void**)
{
    std::vector<std::string> seen;
    std::string error;
    const std::string before = seen_by_admin();
    {
        auto gate = Gate::set_up("vif", names);
        for (const char* text : {"1", "2", "3"}) {
            bed->guest_port->send(text);
            bed->client_port->send(text);
        }
        error = gate ? what_of(gate->remove()) : gate.error().text();
        for (int i = 0; i < 3; ++i) {
            seen.push_back(bed->client_port->receive());
            seen.push_back(bed->guest_port->receive());
        }
    }
    const std::string after = seen_by_admin();
    assert_text(error, "");
    for (size_t i = 0; i < seen.size(); ++i) {
        assert_text(seen[i], std::to_string(i / 2 + 1));
    }
    assert_text(changes(before, after), "");
}

// What is sent while it is closed must not be what is received first.
void a_killed_process_leaves_it_closed(void**)
{
    const std::string before = seen_by_admin();
    leave_a_dead_gate();
    const bool taps = if_nametoindex(names.output.c_str()) ||
                      if_nametoindex(names.input.c_str());
    bed->guest_port->send("lost");
    bed->client_port->send("lost");
    const auto opened = open_interface("vif");
    const bool is_open = bed->is_open();
    const std::string after = seen_by_admin();
    const auto again = open_interface("vif");
    assert_false(taps);
    assert_text(what_of(opened), "");
    assert_true(*opened);
    assert_true(is_open);
    assert_text(changes(before, after), "");
    assert_true(again && !*again);
}

void a_new_gate_takes_the_place_of_a_dead_one(void**)
{
    std::vector<std::string> seen;
    std::string error;
    const std::string before = seen_by_admin();
    leave_a_dead_gate();
    bed->guest_port->send("lost");
    {
        auto gate = Gate::set_up("vif", names);
        error = what_of(gate);
        if (gate) {
            bed->guest_port->send("out");
            bed->client_port->send("in");
            seen = {next_of(gate->output()), bed->client_port->receive(),
                    next_of(gate->input()), bed->guest_port->receive()};
        }
    }
    const std::string after = seen_by_admin();
    assert_text(error, "");
    const char* expected[] = {"out", "out", "in", "in"};
    for (size_t i = 0; i < seen.size(); ++i) {
        assert_text(seen[i], expected[i]);
    }
    assert_text(changes(before, after), "");
    assert_true(bed->is_open());
}

void a_gate_may_be_left_closed(void**)
{
    std::string error;
    {
        auto gate = Gate::set_up("vif", names);
        bed->guest_port->send("unread");
        error = what_of(gate);
        if (gate) {
            gate->leave_closed();
        }
    }
    bed->guest_port->send("lost");
    bed->client_port->send("lost");
    const auto opened = open_interface("vif");
    assert_text(error, "");
    assert_true(opened && *opened);
    assert_true(bed->is_open());
}

void an_interface_is_closed_and_opened_without_a_gate(void**)
{
    const std::string before = seen_by_admin();
    const std::string first = what_of(close_interface("vif"));
    const std::string closed = seen_by_admin();
    const std::string second = what_of(close_interface("vif"));
    const std::string still = seen_by_admin();
    bed->guest_port->send("lost");
    bed->client_port->send("lost");
    const auto opened = open_interface("vif");
    const std::string after = seen_by_admin();
    assert_text(first, "");
    assert_text(second, "");
    assert_text(changes(closed, still), "");
    assert_true(closed != before);
    assert_true(opened && *opened);
    assert_text(changes(before, after), "");
    assert_true(bed->is_open());
}

void a_closed_interface_gets_a_gate(void**)
{
    std::string error, seen;
    const std::string before = seen_by_admin();
    const std::string closed = what_of(close_interface("vif"));
    bed->guest_port->send("lost");
    {
        auto gate = Gate::set_up("vif", names);
        error = what_of(gate);
        bed->guest_port->send("out");
        if (gate) {
            seen = next_of(gate->output());
        }
    }
    const std::string after = seen_by_admin();
    const std::string received = bed->client_port->receive();
    assert_text(closed + error, "");
    assert_text(seen, "out");
    assert_text(received, "out");
    assert_text(changes(before, after), "");
}

void filters_that_are_not_ours_are_refused_and_left_alone(void**)
{
    const struct {
        std::vector<std::string> commands;
        const char* qdisc;
    } cases[] = {
        {{"tc qdisc add dev vif clsact"}, "clsact"},
        {{"tc qdisc add dev vif clsact",
          "tc filter add dev vif egress pref 7 matchall action pass"},
         "clsact"},
        {{"tc qdisc add dev vif ingress"}, "ingress"},
    };
    for (const auto& c : cases) {
        for (const auto& command : c.commands) {
            output_of(command);
        }
        const std::string before = seen_by_admin();
        const std::string refused = what_of(Gate::set_up("vif", names));
        const std::string not_closed = what_of(close_interface("vif"));
        const auto opened = open_interface("vif");
        const std::string after = seen_by_admin();
        output_of(std::string("tc qdisc del dev vif ") + c.qdisc);
        print_message("  %s\n", refused.c_str());
        assert_text(refused,
                    std::string("vif has filters that are not ours: look at "
                                "\"tc qdisc show dev vif\", and remove them "
                                "by: tc qdisc del dev vif ") +
                        c.qdisc);
        assert_text(not_closed, refused);
        assert_true(opened && !*opened);
        assert_text(changes(before, after), "");
    }
    assert_true(bed->is_open());
}

void a_filter_that_comes_later_stays(void**)
{
    std::string error;
    Filters left;
    {
        auto gate = Gate::set_up("vif", names);
        if (const auto filters = filters_of("vif")) {
            output_of("tc filter add block " +
                      std::to_string(filters->incoming_block) +
                      " pref 7 matchall action pipe");
        }
        error = gate ? what_of(gate->remove()) : gate.error().text();
        if (const auto filters = filters_of("vif")) {
            left = *filters;
        }
    }
    output_of("tc qdisc del dev vif clsact");
    assert_text(error, "");
    assert_true(left.incoming == std::vector<unsigned>{7});
    assert_true(left.outgoing.empty());
    assert_true(bed->is_open());
}

// One of a program that had them in no blocks.
void a_gate_takes_the_place_of_an_older_one(void**)
{
    std::string error, passed;
    output_of("tc qdisc add dev vif clsact");
    for (const std::string way : {"ingress", "egress"}) {
        output_of("tc filter add dev vif " + way + " protocol all pref " +
                  std::to_string(gate_stop_pref) + " matchall action drop");
    }
    const bool was_open = bed->is_open();
    {
        auto gate = Gate::set_up("vif", names);
        error = what_of(gate);
        bed->guest_port->send("let out");
        passed = gate ? next_of(gate->output()) : "";
        passed += ", " + bed->client_port->receive();
    }
    assert_false(was_open);
    assert_text(error, "");
    assert_text(passed, "let out, let out");
    assert_true(bed->is_open());
}

// As Open vSwitch adds its own where it offloads what it decides.
void no_filter_gets_before_ours(void**)
{
    std::string error, added, taken, before, after, received;
    {
        auto gate = Gate::set_up("vif", names);
        error = what_of(gate);
        before = seen_by_admin();
        for (const std::string way : {"ingress", "egress"}) {
            added += output_of("tc filter add dev vif " + way +
                               " pref 2 matchall action pass");
            taken += output_of("tc filter del dev vif " + way);
        }
        after = seen_by_admin();
        bed->guest_port->send("kept");
        received = gate ? next_of(gate->output(), false) : "";
    }
    print_message("  %s\n", added.c_str());
    assert_text(error, "");
    assert_contains(added, "This filter block is shared");
    assert_contains(taken, "This filter block is shared");
    assert_text(changes(before, after), "");
    assert_text(received, "kept");
    assert_true(bed->is_open());
}

void a_gate_that_cannot_be_set_up_changes_nothing(void**)
{
    const std::string before = seen_by_admin();
    output_of("ip tuntap add dev xc7.0i mode tap");
    const std::string taken = seen_by_admin();
    const std::string refused = what_of(Gate::set_up("vif", names));
    const std::string after = seen_by_admin();
    output_of("ip link delete xc7.0i");
    const std::string gone = what_of(Gate::set_up("none", names));
    const auto nothing = open_interface("none");
    const std::string last = seen_by_admin();
    assert_contains(refused, "tap xc7.0i: there is such an interface already");
    assert_text(changes(taken, after), "");
    assert_contains(gone, "tc qdisc show dev none: ");
    assert_contains(gone, "none");
    assert_true(nothing && !*nothing);
    assert_text(changes(before, last), "");
    assert_true(bed->is_open());
}

void what_tc_refuses_is_told_with_the_command(void**)
{
    const auto s = run_tc({"qdisc add dev vif clsact",
                           "filter add dev vif ingress nonsense",
                           "filter add dev vif ingress more nonsense"});
    output_of("tc qdisc del dev vif clsact");
    print_message("  %s\n", what_of(s).c_str());
    assert_false(bool(s));
    assert_contains(s.error().text(),
                    "tc filter add dev vif ingress nonsense: ");
    assert_true(s.error().text().find('\n') == std::string::npos);
}

void an_interface_may_go_while_it_has_a_gate(void**)
{
    std::string error, later;
    output_of("ip link add other type veth peer name peer");
    {
        auto gate = Gate::set_up("other", names);
        error = what_of(gate);
        output_of("ip link delete other");
        if (gate) {
            later = what_of(gate->remove());
        }
    }
    assert_text(error, "");
    assert_text(later, "");
    assert_false(if_nametoindex(names.output.c_str()));
}

void a_tap_says_nothing_by_itself(void**)
{
    auto tap = Tap::make("xc7.0o");
    const std::string error = what_of(tap);
    std::string shown, read = error;
    if (tap) {
        shown = output_of("ip -details link show dev xc7.0o");
        // Duplicate address detection would begin within a second.
        (void)wait_ready(tap->fd(), POLLIN, -1,
                         std::chrono::steady_clock::now() +
                             std::chrono::seconds(2));
        const auto frame = tap->read();
        read = !frame ? frame.error().text() : *frame ? "a frame" : "";
    }
    tap = Error(ErrorKind::io, "gone");
    print_message("  %s\n", shown.c_str());
    assert_text(read, "");
    assert_contains(shown, "NOARP");
    assert_contains(shown, "UP");
    assert_contains(shown, "qlen " + std::to_string(tap_queue_frames));
    assert_true(shown.find("MULTICAST") == std::string::npos);
    assert_false(if_nametoindex("xc7.0o"));
}

void a_tap_needs_a_name_of_its_own(void**)
{
    const std::string taken = what_of(Tap::make("vif"));
    const std::string too_long = what_of(Tap::make("xc7.0123456789oo"));
    const std::string empty = what_of(Tap::make(""));
    assert_contains(taken, "there is such an interface already");
    assert_contains(too_long, "that is no interface's name");
    assert_contains(empty, "that is no interface's name");
}

void frames_that_nobody_reads_in_time_are_counted(void**)
{
    constexpr uint64_t more = 50;
    uint64_t read = 0, dropped = 0;
    std::string error;
    {
        auto gate = Gate::set_up("vif", names);
        error = what_of(gate);
        for (uint64_t i = 0; gate && i < tap_queue_frames + more; ++i) {
            bed->guest_port->send("one of many");
        }
        while (gate && next_of(gate->output(), false) == "one of many" &&
               ++read < tap_queue_frames) {
        }
        if (gate) {
            dropped = gate->output().dropped().value();
        }
    }
    assert_text(error, "");
    assert_int_equal(read, tap_queue_frames);
    assert_int_equal(dropped, more);
}

void an_announcement_comes_from_the_guest_s_side(void**)
{
    const std::string before = seen_by_admin();
    std::string error, seen, known;
    {
        auto gate = Gate::set_up("vif", names);
        error = what_of(gate);
        if (gate) {
            for (const Buffer& frame :
                 {rarp_announcement({0x00, 0x16, 0x3e, 0x0a, 0x0b, 0x0c}),
                  test_frame("announced")}) {
                error += what_of(gate->output().write(
                    TapFrame(with_virtio_header(frame))));
            }
            seen = bed->client_port->receive();
            known = output_of("bridge fdb show br lan");
        }
    }
    const std::string after = seen_by_admin();
    assert_text(error, "");
    assert_text(seen, "announced");
    assert_contains(known, "00:16:3e:0a:0b:0c dev vif");
    assert_text(changes(before, after), "");
}

}  // namespace

int main()
{
    const std::string missing = NetworkBed::missing();
    if (!missing.empty()) {
        print_message("skipped: missing is %s\n", missing.c_str());
        return 77;
    }
    NetworkBed the_bed;
    bed = &the_bed;
    const CMUnitTest tests[] = {
        cmocka_unit_test(taps_are_called_after_their_card),
        cmocka_unit_test(only_what_is_written_back_passes),
        cmocka_unit_test(a_frame_that_stands_for_several_passes_whole),
        cmocka_unit_test(a_connection_s_long_frames_pass_whole),
        cmocka_unit_test(what_nobody_has_read_passes_at_the_end),
        cmocka_unit_test(a_killed_process_leaves_it_closed),
        cmocka_unit_test(a_new_gate_takes_the_place_of_a_dead_one),
        cmocka_unit_test(a_gate_may_be_left_closed),
        cmocka_unit_test(an_interface_is_closed_and_opened_without_a_gate),
        cmocka_unit_test(a_closed_interface_gets_a_gate),
        cmocka_unit_test(filters_that_are_not_ours_are_refused_and_left_alone),
        cmocka_unit_test(a_filter_that_comes_later_stays),
        cmocka_unit_test(a_gate_takes_the_place_of_an_older_one),
        cmocka_unit_test(no_filter_gets_before_ours),
        cmocka_unit_test(a_gate_that_cannot_be_set_up_changes_nothing),
        cmocka_unit_test(what_tc_refuses_is_told_with_the_command),
        cmocka_unit_test(an_interface_may_go_while_it_has_a_gate),
        cmocka_unit_test(a_tap_says_nothing_by_itself),
        cmocka_unit_test(a_tap_needs_a_name_of_its_own),
        cmocka_unit_test(frames_that_nobody_reads_in_time_are_counted),
        cmocka_unit_test(an_announcement_comes_from_the_guest_s_side),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
