#include "session/event_queue.h"

namespace xl_colo {

void EventQueue::post(Event event)
{
    {
        const std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
    }
    arrived_.notify_one();
}

std::optional<Event> EventQueue::take(
    std::optional<Clock::time_point> deadline)
{
    std::unique_lock lock(mutex_);
    const auto some = [this] { return !events_.empty(); };
    if (!deadline) {
        arrived_.wait(lock, some);
    } else if (!arrived_.wait_until(lock, *deadline, some)) {
        return std::nullopt;
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
}

}  // namespace xl_colo
