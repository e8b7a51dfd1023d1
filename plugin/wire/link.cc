// The descriptors are made non-blocking, and whoever waits for one waits for
// `interrupt_` as well: so close() ends both threads and every sender at once,
// also where the transport has stopped taking or giving bytes.
#include "wire/link.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/descriptors.h"

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

Error lost(const std::string& why)
{
    return {ErrorKind::peer_lost, why};
}

Error lost_errno(const std::string& what, int code)
{
    return Error::from_errno(ErrorKind::peer_lost, what, code);
}

Error takes_nothing()
{
    return {ErrorKind::timeout, "the other host is heard, but takes no data"};
}

// How long finish() waits. The peer has only to read on to the end.
constexpr std::chrono::milliseconds last_read{2000};

// A body as large as this is kept for the next frame: memory that is new to the
// process costs as much again as reading into it.
constexpr uint32_t large_body = 256 << 10;

void set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

Link::Link(UniqueFd in, UniqueFd out, std::chrono::milliseconds timeout)
    : in_(std::move(in)),
      out_(std::move(out)),
      interrupt_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      read_out_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      timeout_(timeout)
{
    set_nonblocking(in_.get());
    set_nonblocking(out_.get());
}

Link::~Link()
{
    close();
}

void Link::interrupt()
{
    closing_ = true;
    turn_.end();
    eventfd_write(interrupt_.get(), 1);
}

// False when the peer cannot read it all, or takes nothing.
bool Link::end_sending(Clock::time_point deadline)
{
    if (!turn_.take(deadline)) {
        return false;
    }
    const bool ends = out_ && !cut_short_;
    if (ends) {
        shutdown(out_.get(), SHUT_WR);  // a socket may be our input as well
        out_.reset();
    }
    turn_.give_back();
    return ends;
}

void Link::finish()
{
    const auto deadline = Clock::now() + last_read;
    if (reader_.joinable() && end_sending(deadline)) {
        (void)wait_ready(read_out_.get(), POLLIN, interrupt_.get(), deadline);
    }
    close();
}

void Link::close()
{
    interrupt();
    if (reader_.joinable()) {
        reader_.join();
    }
    if (heart_.joinable()) {
        heart_.join();
    }
    in_.reset();
    turn_.wait_until_free();
    out_.reset();
}

Status Link::read_exactly(uint8_t* to, size_t size)
{
    while (size > 0) {
        // Before every read: a peer that never stops must not keep close()
        // waiting.
        if (closing_) {
            return Error(ErrorKind::aborted, "the link was closed");
        }
        const ssize_t r = read(in_.get(), to, size);
        if (r > 0) {
            received_ += static_cast<uint64_t>(r);
            to += r;
            size -= static_cast<size_t>(r);
            continue;
        }
        if (r == 0) {
            return lost("the connection ended");
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return lost_errno("the connection broke", errno);
        }
        const auto waited = wait_ready(in_.get(), POLLIN, interrupt_.get(),
                                       Clock::now() + timeout_);
        if (!waited) {
            return lost(waited.error().text());
        }
        if (*waited == Ready::interrupted) {
            return Error(ErrorKind::aborted, "the link was closed");
        }
        if (*waited == Ready::timed_out) {
            return lost("no sign of life for " +
                        std::to_string(timeout_.count()) + " ms");
        }
    }
    return {};
}

Result<Frame> Link::receive()
{
    for (;;) {
        std::array<uint8_t, frame_header_size> bytes{};
        if (auto s = read_exactly(bytes.data(), bytes.size()); !s) {
            return s.error();
        }
        auto header = parse_frame_header(bytes);
        if (!header) {
            return header.error();
        }
        Frame frame{header->type, {}};
        if (header->length >= large_body) {
            frame.body = std::move(spare_);
        }
        frame.body.resize(header->length);
        if (auto s = read_exactly(frame.body.data(), header->length); !s) {
            return s.error();
        }
        std::array<uint8_t, 8> padding{};
        if (auto s = read_exactly(padding.data(), padding_of(header->length));
            !s) {
            return s.error();
        }
        if (std::ranges::any_of(padding, [](uint8_t b) { return b != 0; })) {
            return Error(ErrorKind::protocol, to_string(frame.type) +
                                                  " with padding that is not "
                                                  "zero");
        }
        if (auto s = verify(*header, frame.body); !s) {
            return s.error();
        }
        if (frame.type != FrameType::HEARTBEAT) {
            return frame;
        }
    }
}

void Link::check_frames(const FrameCheck& sent, const FrameCheck& received)
{
    sent_check_ = sent;
    received_check_ = received;
}

Status Link::verify(FrameHeader header, const Buffer& body)
{
    if (!received_check_) {
        return {};
    }
    FrameCheck::Sum sum{};
    if (auto s = read_exactly(sum.data(), sum.size()); !s) {
        return s;
    }
    const uint64_t number = frames_received_++;
    if (sum == received_check_->of_frame(number, header,
                                         received_check_->of_body({body}))) {
        return {};
    }
    return Error(ErrorKind::protocol,
                 to_string(header.type) + ", frame " + std::to_string(number) +
                     ", is not as it was sent: the connection changes what "
                     "it carries");
}

void Link::start(FrameReceiver& receiver)
{
    reader_ = std::thread([this, &receiver] { read_loop(receiver); });
    heart_ = std::thread([this] { heartbeat_loop(); });
}

void Link::read_loop(FrameReceiver& receiver)
{
    for (;;) {
        auto frame = receive();
        Status handled = frame ? receiver.on_frame(std::move(*frame))
                               : Status(frame.error());
        if (handled) {
            continue;
        }
        // A lost peer takes nothing any more: nobody may wait to send to it.
        // One that sent nonsense may still read, and is owed a STOP.
        const bool asked_to_end = closing_;
        stopped_when_lost_ = was_stopped();
        deaf_ = true;
        if (handled.error().kind() == ErrorKind::peer_lost) {
            interrupt();
        }
        if (!asked_to_end) {
            receiver.on_lost(handled.error());
        }
        // What comes after nonsense is not listened to, but taken: a peer that
        // gets nothing off its hands may not come to read the STOP.
        std::array<uint8_t, 4096> unwanted;
        while (read_exactly(unwanted.data(), unwanted.size())) {
        }
        eventfd_write(read_out_.get(), 1);
        return;
    }
}

// Nothing but this process, or its host, keeps this thread from its time.
void Link::heartbeat_loop()
{
    const auto period = std::max(timeout_ / 4, std::chrono::milliseconds(1));
    for (;;) {
        const auto since = Clock::now();
        waiting_since_ = since;
        const auto waited =
            wait_ready(-1, 0, interrupt_.get(), since + period);
        waiting_since_ = Clock::time_point::max();
        if (Clock::now() - since > timeout_) {
            stood_until_ = Clock::now();
        }
        if (!waited || *waited == Ready::interrupted ||
            !send(FrameType::HEARTBEAT, {})) {
            return;
        }
    }
}

bool Link::was_stopped() const
{
    if (stopped_when_lost_) {
        return true;
    }
    const auto now = Clock::now();
    const auto since = waiting_since_.load();
    const auto until = stood_until_.load();
    return (since < now && now - since > timeout_) ||
           (until != Clock::time_point::min() && now - until < 3 * timeout_);
}

Status Link::send(FrameType type, std::initializer_list<View> body)
{
    size_t length = 0;
    for (const View& piece : body) {
        length += piece.size();
    }
    if (length > frame_body_max) {
        return Error(ErrorKind::protocol,
                     to_string(type) + " of " + std::to_string(length) +
                         " bytes is more than a frame may hold");
    }
    const FrameHeader header{type, static_cast<uint32_t>(length)};
    const auto header_bytes = frame_header_bytes(header);
    static constexpr std::array<uint8_t, 8> zeros{};
    // Before the others have to wait for us.
    const auto of_body =
        sent_check_ ? sent_check_->of_body(body) : FrameCheck::Sum{};
    FrameCheck::Sum sum{};

    std::vector<iovec> pieces;
    pieces.reserve(body.size() + 3);
    const auto add = [&pieces](View piece) {
        if (!piece.empty()) {
            pieces.push_back({const_cast<uint8_t*>(piece.data()),
                              piece.size()});
        }
    };
    add(header_bytes);
    for (const View& piece : body) {
        add(piece);
    }
    add(View(zeros).first(padding_of(header.length)));

    std::optional<Clock::time_point> deadline;
    if (type == FrameType::STOP || type == FrameType::BYE) {
        deadline = Clock::now() + timeout_;
    }
    if (!turn_.take(deadline)) {
        return closing_ ? lost("the link was closed") : takes_nothing();
    }
    if (sent_check_) {
        sum = sent_check_->of_frame(frames_sent_++, header, of_body);
        add(sum);
    }
    const Status sent = write_all(
        type, pieces, deadline.value_or(Clock::time_point::max()));
    turn_.give_back();
    return sent;
}

// With the turn.
Status Link::write_all(FrameType type, std::vector<iovec>& pieces,
                       Clock::time_point deadline)
{
    if (cut_short_) {
        return takes_nothing();
    }
    auto stalled_since = Clock::now();
    size_t next = 0;
    while (next < pieces.size()) {
        if (closing_ || !out_) {
            return lost("the link was closed");
        }
        const ssize_t r = writev(out_.get(), &pieces[next],
                                 static_cast<int>(pieces.size() - next));
        if (r < 0 && errno == EAGAIN) {
            // A peer may be slow as long as it is heard: the reader decides
            // when it is lost. Once nobody listens the timeout holds here.
            const auto now = Clock::now();
            const auto give_up = std::min(deadline,
                                          stalled_since + stall_limit_.load());
            if (now >= give_up) {
                cut_short_ = true;
                return takes_nothing();
            }
            const auto waited =
                wait_ready(out_.get(), POLLOUT, interrupt_.get(),
                           std::min(give_up, now + timeout_));
            if (!waited) {
                return lost(waited.error().text());
            }
            if (*waited == Ready::timed_out && deaf_) {
                return lost("the peer takes no data");
            }
            continue;
        }
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r < 0) {
            return lost_errno("cannot send " + to_string(type), errno);
        }
        stalled_since = Clock::now();
        sent_ += static_cast<uint64_t>(r);
        for (auto done = static_cast<size_t>(r); done > 0;) {
            iovec& piece = pieces[next];
            const size_t step = std::min(done, piece.iov_len);
            piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + step;
            piece.iov_len -= step;
            done -= step;
            if (piece.iov_len == 0) {
                ++next;
            }
        }
    }
    return {};
}

}  // namespace xl_colo
