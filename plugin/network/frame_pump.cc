#include "network/frame_pump.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

#include "network/neighbour.h"

namespace xl_colo {

namespace {

// For which others wait for the lock.
constexpr size_t frames_at_a_time = 64;

}  // namespace

FramePump::FramePump(Tap& from_guest, Tap& to_guest, Output output,
                     HeldFrames::Bounds bounds, Listener listener, Log& log)
    : log_(log),
      listener_(std::move(listener)),
      hard_bytes_(2 * bounds.bytes.value()),
      hard_frames_(2 * bounds.frames),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      from_guest_(from_guest),
      to_guest_(to_guest),
      held_(bounds),
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
    bool waits = false, full = false;
    while (!failure_ && take_output(frames_at_a_time, waits, full)) {
    }
    held_.mark(number);
    asked_ = false;
}

void FramePump::release(CheckpointNumber number)
{
    {
        const std::lock_guard lock(mutex_);
        held_.release(number, [this](TapFrame frame) { write_output(frame); });
        told_full_ = held_.is_full();
    }
    wake();
}

void FramePump::open()
{
    {
        const std::lock_guard lock(mutex_);
        held_.release_all([this](TapFrame frame) { write_output(frame); });
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

FramePump::Figures FramePump::figures() const
{
    const std::lock_guard lock(mutex_);
    return {held_.figures(), passed_, not_written_};
}

// ---- the thread ------------------------------------------------------------

void FramePump::run()
{
    for (;;) {
        pollfd fds[] = {{wake_.get(), POLLIN, 0},
                        {from_guest_.fd(), 0, 0},
                        {to_guest_.fd(), 0, 0}};
        {
            const std::lock_guard lock(mutex_);
            if (stopping_ || failure_) {
                return;
            }
            const bool room = held_.bytes().value() < hard_bytes_ &&
                              held_.frames() < hard_frames_;
            fds[1].events = output_ != Output::waits || room ? POLLIN : 0;
            fds[2].events = input_passes_ ? POLLIN : 0;
        }
        if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) {
            return;
        }
        if (fds[0].revents != 0) {
            uint64_t count;
            (void)!read(wake_.get(), &count, sizeof(count));
        }
        bool waits = false, full = false;
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) {
                return;
            }
            if (fds[1].revents != 0) {
                (void)take_output(frames_at_a_time, waits, full);
            }
            if (fds[2].revents != 0) {
                take_input();
            }
        }
        if (waits) {
            listener_.output_waits();
        }
        if (full) {
            listener_.is_full();
        }
    }
}

// False when there is no more for the moment. With the lock.
bool FramePump::take_output(size_t limit, bool& waits, bool& full)
{
    for (size_t i = 0; i < limit; ++i) {
        const auto frame = from_guest_.read();
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
            if (must_not_wait(**frame)) {
                ++passed_;
                write_output(**frame);
                break;
            }
            held_.push(**frame);
            waits |= !std::exchange(asked_, true);
            full |= held_.is_full() && !std::exchange(told_full_, true);
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
