// The link against a peer that is a bare socket: slow, lying, gone, or one that
// takes nothing.
#include "wire/link.h"

#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <optional>
#include <random>

#include "check.h"
#include "fake_stream.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

// Long enough that no busy machine makes a peer look silent.
constexpr auto patient = 30s;

struct Pair {
    UniqueFd ours, theirs;
};

Pair socket_pair()
{
    std::array<int, 2> fds{};
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data());
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::unique_ptr<Link> make_link(UniqueFd fd, std::chrono::milliseconds timeout)
{
    UniqueFd out(dup(fd.get()));
    return std::make_unique<Link>(std::move(fd), std::move(out), timeout);
}

// Keeps what comes; may be slow, or refuse.
class Receiver : public FrameReceiver {
public:
    Status on_frame(Frame frame) override
    {
        std::unique_lock lock(mutex_);
        frames_.push_back(std::move(frame));
        changed_.notify_all();
        changed_.wait(lock, [this] { return !busy_; });
        return refusal_ ? Status(*refusal_) : Status();
    }
    void on_lost(Error why) override
    {
        const std::lock_guard lock(mutex_);
        lost_.push_back(std::move(why));
        changed_.notify_all();
    }

    void set_busy(bool busy)
    {
        const std::lock_guard lock(mutex_);
        busy_ = busy;
        changed_.notify_all();
    }
    void refuse(Error error)
    {
        const std::lock_guard lock(mutex_);
        refusal_ = std::move(error);
    }

    std::vector<Frame> wait_frames(size_t count)
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return frames_.size() >= count; });
        return frames_;
    }
    // The first word about a loss, and how many there were.
    Error wait_lost()
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !lost_.empty(); });
        return lost_.front();
    }
    size_t losses()
    {
        const std::lock_guard lock(mutex_);
        return lost_.size();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Frame> frames_;
    std::vector<Error> lost_;
    std::optional<Error> refusal_;
    bool busy_ = false;
};

Buffer frame_bytes(FrameType type, View body = {})
{
    const auto length = static_cast<uint32_t>(body.size());
    Buffer bytes = BodyWriter()
                       .bytes(frame_header_bytes({type, length}))
                       .bytes(body)
                       .take();
    bytes.resize(bytes.size() + padding_of(length));
    return bytes;
}

Buffer operator+(Buffer a, const Buffer& b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

void frames_arrive_whole_and_in_order(void**)
{
    std::vector<Buffer> bodies;
    for (size_t size = 0; size < 20; ++size) {
        bodies.emplace_back(size, static_cast<uint8_t>(size + 1));
    }
    bodies.emplace_back(3 << 20, 9);
    std::vector<Frame> frames;
    uint64_t sent = 0, received = 0;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto left = make_link(std::move(a), patient);
        const auto right = make_link(std::move(b), patient);
        right->start(receiver);
        for (const Buffer& body : bodies) {
            // In three pieces, one of them empty.
            const size_t half = body.size() / 2;
            (void)left->send(FrameType::RECORD,
                             {View(bodies[8]), View(body).first(half), View(),
                              View(body).subspan(half)});
        }
        frames = receiver.wait_frames(bodies.size());
        sent = left->sent().value();
        received = right->received().value();
        right->close();
    }
    assert_int_equal(frames.size(), bodies.size());
    uint64_t expected = 0;
    for (size_t i = 0; i < frames.size(); ++i) {
        assert_true(frames[i].type == FrameType::RECORD);
        assert_true(frames[i].body == bodies[8] + bodies[i]);
        expected += frame_bytes(FrameType::RECORD, frames[i].body).size();
    }
    assert_int_equal(sent, expected);
    assert_int_equal(received, expected);
}

void frame_that_comes_byte_by_byte_is_a_frame(void**)
{
    const Buffer text{'w', 'h', 'y'};
    const Buffer bytes = frame_bytes(FrameType::HEARTBEAT) +
                         frame_bytes(FrameType::STOP, text) +
                         frame_bytes(FrameType::HEARTBEAT) +
                         frame_bytes(FrameType::BYE);
    std::vector<Frame> frames;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto link = make_link(std::move(a), patient);
        link->start(receiver);
        for (const uint8_t& byte : bytes) {
            write_exact(b.get(), View(&byte, 1));
        }
        frames = receiver.wait_frames(2);
        link->close();
    }
    // Heartbeats are for the link alone.
    assert_int_equal(frames.size(), 2);
    assert_true(frames[0].type == FrameType::STOP && frames[0].body == text);
    assert_true(frames[1].type == FrameType::BYE);
}

struct Loss {
    size_t frames = 0;
    size_t losses = 0;
    std::optional<Error> error;
};

// What a link makes of a peer that sends this, and then closes or stays.
Loss lose(const Buffer& bytes, bool closes,
          std::chrono::milliseconds timeout = patient)
{
    Loss loss;
    auto [a, b] = socket_pair();
    Receiver receiver;
    const auto link = make_link(std::move(a), timeout);
    link->start(receiver);
    write_exact(b.get(), bytes);
    if (closes) {
        b.reset();
    }
    loss.error = receiver.wait_lost();
    link->close();
    loss.frames = receiver.wait_frames(0).size();
    loss.losses = receiver.losses();
    return loss;
}

void end_of_file_anywhere_is_a_loss(void**)
{
    const Buffer bytes = frame_bytes(FrameType::STOP, Buffer(3, 'x')) +
                         frame_bytes(FrameType::READY, Buffer(8));
    for (size_t size = 0; size <= bytes.size(); ++size) {
        const Loss loss =
            lose(Buffer(bytes.begin(), bytes.begin() + size), true);
        assert_true(loss.error->kind() == ErrorKind::peer_lost);
        assert_int_equal(loss.losses, 1);
        assert_int_equal(loss.frames, size < 16 ? 0 : size < 32 ? 1 : 2);
    }
}

void nonsense_ends_the_link_with_the_first_bad_byte(void**)
{
    Buffer padded = frame_bytes(FrameType::STOP, Buffer(3, 'x'));
    padded.back() = 1;
    const struct {
        const char* name;
        Buffer bytes;
        const char* error;
    } cases[] = {
        {"unknown_type", {0x99, 0, 0, 0, 0, 0, 0, 0},
         "frame type 153 is unknown"},
        {"too_long", {0x11, 0, 0, 0, 0, 0, 0, 0x10},
         "RECORD with 268435456 bytes, allowed are 8 to 134217744"},
        {"too_short", {0x13, 0, 0, 0, 4, 0, 0, 0},
         "CHECKPOINT with 4 bytes, allowed are 8 to 8"},
        {"padding_not_zero", padded, "STOP with padding that is not zero"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.name);
        const Loss loss = lose(frame_bytes(FrameType::BYE) + c.bytes +
                                   frame_bytes(FrameType::BYE),
                               false);
        assert_true(loss.error->kind() == ErrorKind::protocol);
        assert_text(loss.error->text(), c.error);
        assert_int_equal(loss.frames, 1);
        assert_int_equal(loss.losses, 1);
    }
}

void silence_is_a_loss_after_the_timeout_and_not_before(void**)
{
    const auto start = std::chrono::steady_clock::now();
    const Loss loss = lose(frame_bytes(FrameType::BYE), false, 60ms);
    const auto took = std::chrono::steady_clock::now() - start;
    assert_true(loss.error->kind() == ErrorKind::peer_lost);
    assert_text(loss.error->text(), "no sign of life for 60 ms");
    assert_int_equal(loss.frames, 1);
    assert_true(took >= 60ms);
}

// The timeout is for each byte, not for the frame: a long record over a slow
// wire is no loss.
void slow_peer_is_no_loss(void**)
{
    size_t losses = 1;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto link = make_link(std::move(a), 1000ms);
        link->start(receiver);
        const Buffer bytes = frame_bytes(FrameType::RECORD, Buffer(112));
        for (const uint8_t& byte : bytes) {
            write_exact(b.get(), View(&byte, 1));
            std::this_thread::sleep_for(10ms);
        }
        receiver.wait_frames(1);
        losses = receiver.losses();
        link->close();
    }
    assert_int_equal(losses, 0);
}

void idle_link_sends_heartbeats(void**)
{
    Buffer bytes(16);
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto link = make_link(std::move(a), 1000ms);
        link->start(receiver);
        read_exact(b.get(), bytes.data(), bytes.size());
        link->close();
    }
    assert_true(bytes == frame_bytes(FrameType::HEARTBEAT) +
                             frame_bytes(FrameType::HEARTBEAT));
}

void idle_peers_do_not_lose_each_other(void**)
{
    size_t losses = 1;
    {
        auto [a, b] = socket_pair();
        Receiver on_left, on_right;
        const auto left = make_link(std::move(a), 400ms);
        const auto right = make_link(std::move(b), 400ms);
        left->start(on_left);
        right->start(on_right);
        std::this_thread::sleep_for(1s);
        losses = on_left.losses() + on_right.losses();
        left->close();
        right->close();
    }
    assert_int_equal(losses, 0);
}

// libxc may take its time with a record, and the wire is not read meanwhile.
void busy_receiver_does_not_count_against_the_peer(void**)
{
    size_t losses = 1;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        receiver.set_busy(true);
        const auto link = make_link(std::move(a), 200ms);
        link->start(receiver);
        write_exact(b.get(), frame_bytes(FrameType::BYE));
        receiver.wait_frames(1);
        std::this_thread::sleep_for(600ms);
        receiver.set_busy(false);
        write_exact(b.get(), frame_bytes(FrameType::BYE));
        receiver.wait_frames(2);
        losses = receiver.losses();
        link->close();
    }
    assert_int_equal(losses, 0);
}

void receiver_that_refuses_ends_the_link(void**)
{
    std::optional<Error> error;
    size_t frames = 0;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        receiver.refuse(Error(ErrorKind::protocol, "out of turn"));
        const auto link = make_link(std::move(a), patient);
        link->start(receiver);
        write_exact(b.get(), frame_bytes(FrameType::BYE) +
                                 frame_bytes(FrameType::BYE));
        error = receiver.wait_lost();
        link->close();
        frames = receiver.wait_frames(0).size();
    }
    assert_text(error->text(), "out of turn");
    assert_int_equal(frames, 1);
}

void peer_that_sent_nonsense_is_still_told_why(void**)
{
    bool sent = false;
    Buffer bytes(16);
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto link = make_link(std::move(a), patient);
        link->start(receiver);
        write_exact(b.get(), Buffer(8));
        receiver.wait_lost();
        sent = static_cast<bool>(
            link->send(FrameType::STOP, {View(Buffer{'x'})}));
        read_exact(b.get(), bytes.data(), bytes.size());
        link->close();
    }
    assert_true(sent);
    assert_true(bytes == frame_bytes(FrameType::STOP, Buffer{'x'}));
}

// Else whoever waits to send to it would wait for ever.
void nothing_is_sent_to_a_lost_peer(void**)
{
    Status status;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto link = make_link(std::move(a), patient);
        link->start(receiver);
        std::thread sender([&] {
            const Buffer body(64 << 10);
            while (status) {
                status = link->send(FrameType::RECORD, {body});
            }
        });
        Buffer first(8);
        read_exact(b.get(), first.data(), first.size());
        shutdown(b.get(), SHUT_WR);  // still open to read, and never read
        receiver.wait_lost();
        sender.join();
        link->close();
    }
    assert_true(status.error().kind() == ErrorKind::peer_lost);
}

void sending_to_a_peer_that_is_gone_is_a_loss(void**)
{
    auto [a, b] = socket_pair();
    const auto link = make_link(std::move(a), patient);
    b.reset();
    const Status s = link->send(FrameType::BYE);
    assert_true(s.error().kind() == ErrorKind::peer_lost);
    assert_int_equal(s.error().code(), EPIPE);
}

void frame_that_no_peer_would_take_is_not_sent(void**)
{
    auto [a, b] = socket_pair();
    const auto link = make_link(std::move(a), patient);
    const Buffer large(frame_body_max, 0);
    const Status s =
        link->send(FrameType::RECORD, {large, View(large).first(1)});
    assert_true(s.error().kind() == ErrorKind::protocol);
    assert_int_equal(link->sent().value(), 0);
}

void close_ends_a_sender_that_is_stuck(void**)
{
    std::optional<Error> error;
    Status after;
    size_t losses = 1;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto link = make_link(std::move(a), patient);
        link->start(receiver);
        std::thread sender([&] {
            const Buffer body(64 << 10);
            Status s;
            while (s) {
                s = link->send(FrameType::RECORD, {body});
            }
            error = s.error();
        });
        // Something has been sent; the rest does not fit for ever.
        Buffer first(8);
        read_exact(b.get(), first.data(), first.size());
        link->close();
        sender.join();
        after = link->send(FrameType::BYE);
        losses = receiver.losses();
    }
    assert_true(error->kind() == ErrorKind::peer_lost);
    assert_true(after.error().kind() == ErrorKind::peer_lost);
    // We closed it ourselves.
    assert_int_equal(losses, 0);
}

void close_ends_a_reader_whose_peer_never_stops(void**)
{
    std::atomic<bool> done{false};
    auto [a, b] = socket_pair();
    {
        Receiver receiver;
        const auto link = make_link(std::move(a), patient);
        link->start(receiver);
        std::thread peer([&] {
            Buffer bytes = frame_bytes(FrameType::BYE);
            while (!done && write_exact(b.get(), bytes)) {
                // Faster than the link can read them one by one.
                bytes.resize(64 << 10);
                for (size_t at = 0; at < bytes.size(); at += 8) {
                    bytes[at] = static_cast<uint8_t>(FrameType::HEARTBEAT);
                }
            }
        });
        receiver.wait_frames(1);
        link->close();
        done = true;
        shutdown(b.get(), SHUT_RDWR);
        peer.join();
    }
    assert_true(done);
}

void handshake_frames_are_received_before_the_start(void**)
{
    auto [a, b] = socket_pair();
    const auto link = make_link(std::move(a), patient);
    write_exact(b.get(), frame_bytes(FrameType::HEARTBEAT) +
                             frame_bytes(FrameType::HELLO, Buffer(2, '{')));
    const auto hello = link->receive();
    assert_true(hello->type == FrameType::HELLO);
    assert_int_equal(hello->body.size(), 2);
    link->set_timeout(20ms);
    assert_true(link->receive().error().kind() == ErrorKind::peer_lost);
    b.reset();
    assert_true(link->receive().error().kind() == ErrorKind::peer_lost);
}

void frames_of_many_threads_do_not_mix(void**)
{
    constexpr size_t each = 100;
    std::vector<Frame> frames;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto left = make_link(std::move(a), patient);
        const auto right = make_link(std::move(b), patient);
        right->start(receiver);
        std::vector<std::thread> senders;
        for (uint8_t sender = 0; sender < 4; ++sender) {
            senders.emplace_back([&left, sender] {
                std::mt19937 random(sender);
                for (size_t i = 0; i < each; ++i) {
                    const Buffer body(8 + random() % 50000, sender);
                    (void)left->send(FrameType::RECORD, {body});
                }
            });
        }
        frames = receiver.wait_frames(4 * each);
        for (std::thread& sender : senders) {
            sender.join();
        }
        right->close();
    }
    assert_int_equal(frames.size(), 4 * each);
    for (const Frame& frame : frames) {
        assert_true(std::ranges::all_of(frame.body, [&](uint8_t byte) {
            return byte == frame.body[0];
        }));
    }
}

// Two links as after ACCEPT, of which the first is the primary's.
struct Checked {
    std::unique_ptr<Link> primary, secondary;
    UniqueFd to_secondary, to_primary;  // where what they send can be read
};

Checked checked_links()
{
    const Buffer key{'k'};
    const FrameCheck primary(key, FrameSource::primary);
    const FrameCheck secondary(key, FrameSource::secondary);
    auto [a, b] = socket_pair();
    auto [c, d] = socket_pair();
    Checked links{make_link(std::move(a), patient),
                  make_link(std::move(d), patient), std::move(b),
                  std::move(c)};
    links.primary->check_frames(primary, secondary);
    links.secondary->check_frames(secondary, primary);
    return links;
}

// What the primary sends, as it is on the wire: three frames.
Buffer three_checked_frames(Checked& links)
{
    const Buffer body(20, 7);
    (void)links.primary->send(FrameType::CHECKPOINT, {Buffer(8, 1)});
    (void)links.primary->send(FrameType::RECORD, {body});
    (void)links.primary->send(FrameType::RECORD, {body});
    Buffer bytes(static_cast<size_t>(links.primary->sent().value()));
    read_exact(links.to_secondary.get(), bytes.data(), bytes.size());
    return bytes;
}

// How many of the frames in `bytes` the secondary takes.
size_t taken(Checked& links, const Buffer& bytes, Error& error)
{
    write_exact(links.to_primary.get(), bytes);
    links.to_primary.reset();
    for (size_t count = 0;; ++count) {
        auto frame = links.secondary->receive();
        if (!frame) {
            error = frame.error();
            return count;
        }
    }
}

void checked_frames_are_taken_as_they_were_sent(void**)
{
    Checked links = checked_links();
    const Buffer bytes = three_checked_frames(links);
    assert_int_equal(bytes.size(), 32 + 48 + 48);
    Error error(ErrorKind::aborted, "");
    assert_int_equal(taken(links, bytes, error), 3);
    assert_text(error.text(), "the connection ended");
}

void any_changed_bit_ends_the_link(void**)
{
    for (size_t bit = 0; bit < 8 * 128; ++bit) {
        Checked links = checked_links();
        Buffer bytes = three_checked_frames(links);
        bytes[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
        Error error(ErrorKind::aborted, "");
        const size_t whole = bit / 8 < 32 ? 0 : bit / 8 < 80 ? 1 : 2;
        assert_int_equal(taken(links, bytes, error), whole);
        // A length that has grown waits for what does not come.
        assert_true(error.kind() == ErrorKind::protocol ||
                    error.kind() == ErrorKind::peer_lost);
    }
}

void frame_that_is_dropped_or_doubled_ends_the_link(void**)
{
    const auto after = [](auto change) {
        Checked links = checked_links();
        Buffer bytes = three_checked_frames(links);
        change(bytes);
        Error error(ErrorKind::aborted, "");
        assert_int_equal(taken(links, bytes, error), 1);
        assert_true(error.kind() == ErrorKind::protocol);
        assert_contains(error.text(), "is not as it was sent");
    };
    after([](Buffer& bytes) {
        const Buffer first(bytes.begin(), bytes.begin() + 32);
        bytes.insert(bytes.begin(), first.begin(), first.end());
    });
    // Two that are alike but for their number.
    after([](Buffer& bytes) {
        bytes.erase(bytes.begin() + 32, bytes.begin() + 80);
    });
}

// One that is heard, so that the reader never calls it lost.
void last_word_waits_no_longer_than_the_timeout(void**)
{
    Status half, stop, later;
    {
        auto [a, b] = socket_pair();
        Receiver receiver;
        const auto link = make_link(std::move(a), 200ms);
        link->start(receiver);
        std::atomic<bool> done{false};
        std::thread peer([&, fd = b.get()] {
            while (!done) {
                write_exact(fd, frame_bytes(FrameType::HEARTBEAT));
                std::this_thread::sleep_for(20ms);
            }
        });
        std::thread sender([&] {
            const Buffer body(16 << 20);
            half = link->send(FrameType::RECORD, {body});
        });
        // Until the large frame is on its way.
        Buffer first(8);
        do {
            read_exact(b.get(), first.data(), first.size());
        } while (first == frame_bytes(FrameType::HEARTBEAT));
        stop = link->send(FrameType::STOP);
        link->set_stall_limit(300ms);
        sender.join();
        later = link->send(FrameType::RESUME);
        assert_int_equal(receiver.losses(), 0);
        done = true;
        peer.join();
        link->close();
    }
    for (const Status* s : {&half, &stop, &later}) {
        assert_false(bool(*s));
        assert_true(s->error().kind() == ErrorKind::timeout);
        assert_contains(s->error().text(), "takes no data");
    }
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(120);  // a wait that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_whole_and_in_order),
        cmocka_unit_test(frame_that_comes_byte_by_byte_is_a_frame),
        cmocka_unit_test(end_of_file_anywhere_is_a_loss),
        cmocka_unit_test(nonsense_ends_the_link_with_the_first_bad_byte),
        cmocka_unit_test(silence_is_a_loss_after_the_timeout_and_not_before),
        cmocka_unit_test(slow_peer_is_no_loss),
        cmocka_unit_test(idle_link_sends_heartbeats),
        cmocka_unit_test(idle_peers_do_not_lose_each_other),
        cmocka_unit_test(busy_receiver_does_not_count_against_the_peer),
        cmocka_unit_test(receiver_that_refuses_ends_the_link),
        cmocka_unit_test(peer_that_sent_nonsense_is_still_told_why),
        cmocka_unit_test(nothing_is_sent_to_a_lost_peer),
        cmocka_unit_test(sending_to_a_peer_that_is_gone_is_a_loss),
        cmocka_unit_test(frame_that_no_peer_would_take_is_not_sent),
        cmocka_unit_test(close_ends_a_sender_that_is_stuck),
        cmocka_unit_test(close_ends_a_reader_whose_peer_never_stops),
        cmocka_unit_test(handshake_frames_are_received_before_the_start),
        cmocka_unit_test(frames_of_many_threads_do_not_mix),
        cmocka_unit_test(checked_frames_are_taken_as_they_were_sent),
        cmocka_unit_test(any_changed_bit_ends_the_link),
        cmocka_unit_test(frame_that_is_dropped_or_doubled_ends_the_link),
        cmocka_unit_test(last_word_waits_no_longer_than_the_timeout),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
