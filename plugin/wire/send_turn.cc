#include "wire/send_turn.h"

namespace xl_colo {

bool SendTurn::take(std::optional<Clock::time_point> deadline)
{
    std::unique_lock lock(mutex_);
    const uint64_t mine = next_++;
    line_.push_back(mine);
    const auto settled = [&] { return ended_ || line_.front() == mine; };
    if (deadline) {
        changed_.wait_until(lock, *deadline, settled);
    } else {
        changed_.wait(lock, settled);
    }
    if (!ended_ && line_.front() == mine) {
        return true;
    }
    std::erase(line_, mine);
    changed_.notify_all();
    return false;
}

void SendTurn::give_back()
{
    const std::lock_guard lock(mutex_);
    line_.pop_front();
    changed_.notify_all();
}

void SendTurn::end()
{
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void SendTurn::wait_until_free()
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return line_.empty(); });
}

}  // namespace xl_colo
