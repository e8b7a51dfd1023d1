#include "status/status.h"

namespace xl_colo {

const char* to_string(Role role)
{
    switch (role) {
    case Role::primary: return "primary";
    case Role::secondary: return "secondary";
    }
    return "?";
}

const char* to_string(State state)
{
    switch (state) {
    case State::connecting: return "connecting";
    case State::copying: return "copying";
    case State::protecting: return "protecting";
    case State::unprotected: return "unprotected";
    case State::fencing: return "fencing";
    case State::taken_over: return "taken-over";
    case State::held: return "held";
    case State::ended: return "ended";
    }
    return "?";
}

StatusBoard::StatusBoard(SessionStatus initial) : status_(std::move(initial))
{
    status_.since = WallClock::now();
}

SessionStatus StatusBoard::read() const
{
    const std::lock_guard lock(mutex_);
    return status_;
}

void StatusBoard::enter(State state)
{
    const std::lock_guard lock(mutex_);
    if (status_.state != state) {
        status_.state = state;
        status_.since = WallClock::now();
    }
}

void StatusBoard::add(const CheckpointFigures& figures, bool verified)
{
    const std::lock_guard lock(mutex_);
    ++status_.checkpoints;
    status_.verified += verified ? 1 : 0;
    status_.last = figures;
    // The initial copy moves all memory: among the others it would be the
    // greatest for two minutes and say nothing about them.
    if (figures.number != CheckpointNumber{0}) {
        status_.recent.push_back(figures);
    }
    if (status_.recent.size() > recent_kept) {
        status_.recent.pop_front();
    }
}

void StatusBoard::end(State state, const std::string& why)
{
    enter(state);
    const std::lock_guard lock(mutex_);
    status_.ended = why;
}

void StatusBoard::warn(const std::string& what_to_check)
{
    const std::lock_guard lock(mutex_);
    status_.warning = what_to_check;
}

void StatusBoard::set_domid(Domid domid)
{
    const std::lock_guard lock(mutex_);
    status_.domid = domid;
}

}  // namespace xl_colo
