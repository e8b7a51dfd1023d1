#include "network/frame_pump.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

namespace xl_colo {

namespace {

// For which others wait for the lock.
constexpr size_t frames_at_a_time = 64;

}  // namespace

FramePump::FramePump(Tap& from_guest, Tap& to_guest, Output output,
                     Bounds bounds, const OutputQueue::Maker& make_queue,
                     Listener listener, Log& log)
    : log_(log),
      listener_(std::move(listener)),
      bounds_(bounds),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      from_guest_(from_guest),
      to_guest_(to_guest),
      queue_(make_queue([this](TapFrame frame) { write_output(frame); })),
      output_(output)
{
    if (!wake_) {
        throw std::system_error(errno, std::generic_category(), "an eventfd");
    }
    thread_ = std::thread([this] { run(); });
}

FramePump::~FramePump()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake();
    thread_.join();
}

void FramePump::wake()
{
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof(one));
}

void FramePump::set_output(Output output)
{
    {
        const std::lock_guard lock(mutex_);
        output_ = output;
    }
    wake();
}

void FramePump::set_input(bool passes)
{
    {
        const std::lock_guard lock(mutex_);
        input_passes_ = passes;
    }
    wake();
}

void FramePump::mark(CheckpointNumber number)
{
    const std::lock_guard lock(mutex_);
    while (!failure_ && take_output(frames_at_a_time)) {
    }
    queue_->mark(number);
    asked_ = false;
}

// Some at a time: much may wait, and what comes meanwhile, from the guest or
// for it, would be more than fits into a tap.
void FramePump::release(CheckpointNumber number)
{
    {
        const std::lock_guard lock(mutex_);
        while (queue_->release(number, frames_at_a_time) ==
               frames_at_a_time) {
            if (output_ == Output::waits && has_room()) {
                (void)take_output(frames_at_a_time);
            }
            take_input();
        }
        told_full_ = bounds_.are_reached_by(queue_->figures());
    }
    wake();
}

void FramePump::open()
{
    {
        const std::lock_guard lock(mutex_);
        queue_->release_all();
        output_ = Output::passes;
        input_passes_ = true;
    }
    wake();
}

Status FramePump::send(View ethernet)
{
    const Buffer frame = with_virtio_header(ethernet);
    const std::lock_guard lock(mutex_);
    return from_guest_.write(TapFrame(frame));
}

void FramePump::use_queue(const std::function<void()>& use)
{
    {
        const std::lock_guard lock(mutex_);
        use();
    }
    wake();
}

FramePump::Figures FramePump::figures() const
{
    const std::lock_guard lock(mutex_);
    const auto held = queue_->figures();
    return {held, passed_ + held.at_once, not_written_};
}

OutputQueue::Waits FramePump::waits() const
{
    const std::lock_guard lock(mutex_);
    return queue_->waits();
}

// ---- the thread ------------------------------------------------------------

// Until the queue's wish, in poll()'s terms. With the lock.
int FramePump::patience() const
{
    constexpr std::chrono::milliseconds longest{60'000};
    const auto wish = asked_ ? std::nullopt : queue_->wish();
    if (!wish) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        wish->at - OutputQueue::Clock::now());
    return static_cast<int>(
        std::clamp(left, std::chrono::milliseconds{0}, longest).count());
}

// With the lock.
std::optional<std::string> FramePump::new_wish()
{
    auto wish = asked_ ? std::nullopt : queue_->wish();
    if (!wish || wish->at > OutputQueue::Clock::now()) {
        return std::nullopt;
    }
    asked_ = true;
    return std::move(wish->why);
}

// With the lock.
bool FramePump::becomes_full()
{
    if (told_full_ || !bounds_.are_reached_by(queue_->figures())) {
        return false;
    }
    told_full_ = true;
    return true;
}

// With the lock.
bool FramePump::has_room() const
{
    return !Bounds{Bytes{2 * bounds_.bytes.value()}, 2 * bounds_.frames}
                .are_reached_by(queue_->figures());
}

void FramePump::run()
{
    for (;;) {
        int timeout;
        pollfd fds[] = {{wake_.get(), POLLIN, 0},
                        {from_guest_.fd(), 0, 0},
                        {to_guest_.fd(), 0, 0}};
        {
            const std::lock_guard lock(mutex_);
            if (stopping_ || failure_) {
                return;
            }
            timeout = patience();
            fds[1].events =
                output_ != Output::waits || has_room() ? POLLIN : 0;
            fds[2].events = input_passes_ ? POLLIN : 0;
        }
        if (poll(fds, std::size(fds), timeout) < 0 && errno != EINTR) {
            return;
        }
        if (fds[0].revents != 0) {
            uint64_t count;
            (void)!read(wake_.get(), &count, sizeof(count));
        }
        std::optional<std::string> wish;
        bool full;
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) {
                return;
            }
            if (fds[1].revents != 0) {
                (void)take_output(frames_at_a_time);
            }
            if (fds[2].revents != 0) {
                take_input();
            }
            wish = new_wish();
            full = becomes_full();
        }
        if (wish) {
            listener_.output_waits(*wish);
        }
        if (full) {
            listener_.is_full();
        }
    }
}

// False when there is no more for the moment. With the lock.
bool FramePump::take_output(size_t limit)
{
    const auto now = OutputQueue::Clock::now();
    for (size_t i = 0; i < limit; ++i) {
        uint8_t* const space =
            output_ == Output::waits ? queue_->space() : nullptr;
        const auto frame =
            space ? from_guest_.read(space) : from_guest_.read();
        if (!frame) {
            if (frame.error().code() == EMSGSIZE) {
                continue;
            }
            fail(frame.error());
            return false;
        }
        if (!*frame) {
            return false;
        }
        switch (output_) {
        case Output::is_dropped:
            break;
        case Output::passes:
            ++passed_;
            write_output(**frame);
            break;
        case Output::waits:
            queue_->put(**frame, now);
            break;
        }
    }
    return true;
}

void FramePump::take_input()
{
    for (size_t i = 0; i < frames_at_a_time && input_passes_; ++i) {
        const auto frame = to_guest_.read();
        if (!frame && frame.error().code() == EMSGSIZE) {
            continue;
        }
        if (!frame) {
            fail(frame.error());
        }
        if (!frame || !*frame) {
            return;
        }
        if (output_ != Output::is_dropped) {
            if (listener_.input) {
                listener_.input(**frame);
            }
            (void)to_guest_.write(**frame);
        }
    }
}

// Without a tap nothing passes any more.
void FramePump::fail(const Error& why)
{
    if (!failure_) {
        failure_ = why;
        log_.error(why.text());
    }
}

Status FramePump::health() const
{
    const std::lock_guard lock(mutex_);
    return failure_ ? Status(*failure_) : Status();
}

// One that cannot be written is lost on the wire, to whoever waits for it.
void FramePump::write_output(TapFrame frame)
{
    if (const Status s = from_guest_.write(frame); !s) {
        if (not_written_++ == 0) {
            log_.warn(s.error().text());
        }
    }
}

}  // namespace xl_colo
