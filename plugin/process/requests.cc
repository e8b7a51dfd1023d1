#include "process/requests.h"

#include <utility>

namespace xl_colo {

void Requests::hand_to(SessionControl* control)
{
    const std::lock_guard lock(mutex_);
    control_ = control;
    if (!control) {
        return;
    }
    if (std::exchange(domains_changed_, false)) {
        control->domains_changed();
    }
    if (std::exchange(failover_, false)) {
        control->request_failover();
    }
    if (auto reason = std::exchange(stop_, std::nullopt)) {
        control->request_stop(*reason);
    }
}

void Requests::session_ended(const SessionEnd& end)
{
    {
        const std::lock_guard lock(mutex_);
        control_ = nullptr;
        end_ = end;
        stop_.reset();
        failover_ = false;
    }
    board_.end(end.state, end.why);
    ended_.notify_all();
}

void Requests::ask_to_stop(const std::string& reason)
{
    if (control_) {
        control_->request_stop(reason);
    } else if (!stop_) {
        stop_ = reason;
    }
}

const SessionEnd& Requests::wait_for_end(std::unique_lock<std::mutex>& lock)
{
    ended_.wait(lock, [this] { return end_.has_value(); });
    return *end_;
}

Result<std::string> Requests::stop()
{
    const SessionStatus now = board_.read();
    std::unique_lock lock(mutex_);
    if (end_) {
        // Only the caretaker is left; it makes room, for a new xl-colo-start.
        ask_to_stop("xl-colo-stop");
        return "protection had ended (" + end_->why +
               "); nobody looks after its shutdown or reboot any more";
    }
    // While the fence says no there is nobody else to ask.
    if (now.role == Role::secondary && now.state != State::fencing) {
        return Error(ErrorKind::refused,
                     "this is the secondary: run xl-colo-stop on " + now.peer);
    }
    ask_to_stop("xl-colo-stop");
    const SessionEnd& end = wait_for_end(lock);
    if (!end.orderly) {
        return Error(ErrorKind::aborted, end.why);
    }
    return "protection ended: " + end.why;
}

Result<std::string> Requests::failover()
{
    const SessionStatus now = board_.read();
    if (now.role == Role::primary) {
        return Error(ErrorKind::refused,
                     "this is the primary: run xl-colo-failover on " +
                         now.peer);
    }
    std::unique_lock lock(mutex_);
    if (!end_ && now.state != State::protecting &&
        now.state != State::fencing) {
        return Error(ErrorKind::refused,
                     "no checkpoint stands yet, there is nothing to take "
                     "over");
    }
    if (!end_ && control_) {
        control_->request_failover();
    } else if (!end_) {
        failover_ = true;
    }
    const SessionEnd& end = wait_for_end(lock);
    if (end.state != State::taken_over) {
        return Error(ErrorKind::aborted, end.why);
    }
    return "the guest runs here: " + end.why;
}

void Requests::signalled(const std::string& name)
{
    const std::lock_guard lock(mutex_);
    ask_to_stop(name);
}

void Requests::domains_changed()
{
    const std::lock_guard lock(mutex_);
    if (control_) {
        control_->domains_changed();
    } else {
        domains_changed_ = true;
    }
}

}  // namespace xl_colo
