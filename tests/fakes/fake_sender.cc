#include "fake_sender.h"

namespace xl_colo {

Status FakeSender::send(FrameType type, std::initializer_list<View> body)
{
    std::unique_lock lock(mutex_);
    if (blocks_at_ && frames_.size() >= *blocks_at_) {
        blocked_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !blocks_at_; });
        blocked_ = false;
    }
    if (breaks_at_ && frames_.size() >= *breaks_at_) {
        return Error(ErrorKind::peer_lost, "the wire broke");
    }
    Frame frame{type, {}};
    for (const View& piece : body) {
        frame.body.insert(frame.body.end(), piece.begin(), piece.end());
    }
    frames_.push_back(std::move(frame));
    changed_.notify_all();
    return {};
}

std::vector<Frame> FakeSender::wait_for(size_t count)
{
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60),
                      [&] { return given_up_ || frames_.size() >= count; });
    return frames_;
}

void FakeSender::give_up()
{
    const std::lock_guard lock(mutex_);
    given_up_ = true;
    changed_.notify_all();
}

void FakeSender::break_after(size_t after)
{
    const std::lock_guard lock(mutex_);
    breaks_at_ = frames_.size() + after;
}

void FakeSender::block_after(size_t after)
{
    const std::lock_guard lock(mutex_);
    blocks_at_ = frames_.size() + after;
}

void FakeSender::wait_blocked()
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return blocked_; });
}

void FakeSender::release()
{
    const std::lock_guard lock(mutex_);
    blocks_at_.reset();
    changed_.notify_all();
}

}  // namespace xl_colo
