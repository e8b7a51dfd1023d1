#include "compare/copy_pump.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <system_error>
#include <utility>

namespace xl_colo {

namespace {

constexpr size_t frames_at_a_time = 64;
// As a guest's output.
constexpr size_t most_bytes = 64 << 20, most_frames = 65536;
constexpr size_t most_neighbours = 4096;
constexpr size_t most_mappings = 65536;
// How soon it is seen that the card is connected, in poll()'s terms.
constexpr int look_again_ms = 2;

}  // namespace

CopyPump::CopyPump(Tap& from_copy, Tap& to_copy, View hash_key, Tell tell,
                   IsConnected is_connected, Log& log)
    : log_(log),
      tell_(std::move(tell)),
      is_connected_(std::move(is_connected)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      from_copy_(from_copy),
      to_copy_(to_copy),
      answers_(most_neighbours),
      map_(most_mappings, hash_key)
{
    if (!wake_) {
        throw std::system_error(errno, std::generic_category(), "an eventfd");
    }
    thread_ = std::thread([this] { run(); });
}

CopyPump::~CopyPump()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake();
    thread_.join();
}

void CopyPump::wake()
{
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof(one));
}

// ---- the copy's moments ----------------------------------------------------

void CopyPump::stop()
{
    const std::lock_guard lock(mutex_);
    while (!failed_ && take_output()) {
    }
    output_ = Output::is_dropped;
    may_get_ = connected_ = false;
}

void CopyPump::begin(CheckpointNumber number)
{
    const std::lock_guard lock(mutex_);
    number_ = number;
    map_.reset();
    while (!waiting_.empty() && waiting_.front().number < number) {
        waiting_bytes_ -= waiting_.front().frame.size();
        waiting_.pop_front();
    }
}

void CopyPump::go()
{
    {
        const std::lock_guard lock(mutex_);
        // What the backend had taken from the old rings yet.
        while (!failed_ && take_output()) {
        }
        output_ = Output::is_told;
        may_get_ = true;
    }
    wake();
}

void CopyPump::stand_on()
{
    const std::lock_guard lock(mutex_);
    answers_.forget();
}

void CopyPump::open()
{
    {
        const std::lock_guard lock(mutex_);
        output_ = Output::passes;
        may_get_ = true;
    }
    wake();
}

void CopyPump::input(CheckpointNumber number, View frame)
{
    {
        const std::lock_guard lock(mutex_);
        answers_.learn(TapFrame(frame));
        if (number < number_) {
            return;
        }
        if (waiting_bytes_ >= most_bytes || waiting_.size() >= most_frames) {
            ++figures_.dropped;
            return;
        }
        waiting_.push_back({number, {frame.begin(), frame.end()}});
        waiting_bytes_ += frame.size();
        if (!connected_ || number != number_) {
            return;
        }
    }
    wake();
}

void CopyPump::learn(CheckpointNumber number, const SequenceMapping& mapping)
{
    const std::lock_guard lock(mutex_);
    if (number == number_) {
        map_.learn(mapping);
    }
}

Status CopyPump::send(View ethernet)
{
    const Buffer frame = with_virtio_header(ethernet);
    const std::lock_guard lock(mutex_);
    return from_copy_.write(TapFrame(frame));
}

size_t CopyPump::mappings() const
{
    const std::lock_guard lock(mutex_);
    return map_.size();
}

CopyPump::Figures CopyPump::figures() const
{
    const std::lock_guard lock(mutex_);
    Figures now = figures_;
    now.waiting = waiting_.size();
    return now;
}

// ---- the thread ------------------------------------------------------------

void CopyPump::run()
{
    for (;;) {
        pollfd fds[] = {{wake_.get(), POLLIN, 0},
                        {from_copy_.fd(), POLLIN, 0},
                        {to_copy_.fd(), POLLIN, 0}};
        int timeout;
        {
            const std::lock_guard lock(mutex_);
            if (stopping_ || failed_) {
                return;
            }
            timeout = may_get_ && !connected_ ? look_again_ms : -1;
        }
        if (poll(fds, std::size(fds), timeout) < 0 && errno != EINTR) {
            return;
        }
        if (fds[0].revents != 0) {
            uint64_t count;
            (void)!read(wake_.get(), &count, sizeof(count));
        }
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            return;
        }
        if (fds[1].revents != 0) {
            (void)take_output();
        }
        if (fds[2].revents != 0) {
            take_wire();
        }
        if (may_get_ && !connected_ && is_connected_()) {
            connected_ = true;
            if (output_ == Output::is_told) {
                tell_(number_, CardMessage::Kind::connected, {});
            }
        }
        if (connected_) {
            give_waiting();
        }
    }
}

// False when there is no more for the moment. With the lock, as all that
// follows.
bool CopyPump::take_output()
{
    for (size_t i = 0; i < frames_at_a_time; ++i) {
        const auto frame = from_copy_.read();
        if (!frame && frame.error().code() == EMSGSIZE) {
            continue;
        }
        if (!frame) {
            log_.error(frame.error().text());
            failed_ = true;
            return false;
        }
        if (!*frame) {
            return false;
        }
        take_of_copy(**frame);
    }
    return true;
}

void CopyPump::take_of_copy(TapFrame frame)
{
    switch (output_) {
    case Output::is_dropped:
        return;
    case Output::passes: {
        Buffer bytes(frame.bytes().begin(), frame.bytes().end());
        map_.from_copy(bytes);
        (void)from_copy_.write(TapFrame(bytes));
        return;
    }
    case Output::is_told:
        break;
    }
    ++figures_.output;
    const auto reply = answers_.reply(frame);
    switch (reply.kind) {
    case NeighbourAnswers::Kind::answered:
        (void)to_copy_.write(TapFrame(reply.frame));
        break;
    case NeighbourAnswers::Kind::unknown:
        tell_(number_, CardMessage::Kind::question, frame.bytes());
        break;
    case NeighbourAnswers::Kind::no_question:
        tell_(number_, CardMessage::Kind::frame, frame.bytes());
        break;
    }
}

// What this host's own network has for the guest's address: nothing, before it
// is here.
void CopyPump::take_wire()
{
    for (size_t i = 0; i < frames_at_a_time; ++i) {
        const auto frame = to_copy_.read();
        if (!frame && frame.error().code() == EMSGSIZE) {
            continue;
        }
        if (!frame || !*frame) {
            failed_ |= !frame;
            return;
        }
        if (output_ == Output::passes) {
            const View bytes = (*frame)->bytes();
            Buffer own(bytes.begin(), bytes.end());
            give(own);
        }
    }
}

void CopyPump::give_waiting()
{
    for (size_t i = 0; i < frames_at_a_time && !waiting_.empty() &&
                       waiting_.front().number == number_;
         ++i) {
        Waiting first = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_bytes_ -= first.frame.size();
        give(first.frame);
    }
    if (!waiting_.empty() && waiting_.front().number == number_) {
        wake();
    }
}

void CopyPump::give(Buffer& frame)
{
    map_.to_copy(frame);
    ++(to_copy_.write(TapFrame(frame)) ? figures_.input : figures_.dropped);
}

}  // namespace xl_colo
