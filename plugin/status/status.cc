#include "status/status.h"

#include <algorithm>

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

const char* to_string(WarningKind kind)
{
    switch (kind) {
    case WarningKind::guest_twice: return "guest-twice";
    case WarningKind::guest_stands: return "guest-stands";
    case WarningKind::guest_held: return "guest-held";
    case WarningKind::copy_runs: return "copy-runs";
    case WarningKind::fence_says_no: return "fence-says-no";
    case WarningKind::copy_held: return "copy-held";
    case WarningKind::copy_left: return "copy-left";
    case WarningKind::card_cut_off: return "card-cut-off";
    case WarningKind::wrong_name: return "wrong-name";
    case WarningKind::process_died: return "process-died";
    case WarningKind::left_out: return "left-out";
    }
    return "?";
}

const Warning* SessionStatus::warning(WarningKind kind) const
{
    const auto found = std::ranges::find(warnings, kind, &Warning::kind);
    return found == warnings.end() ? nullptr : &*found;
}

StatusBoard::StatusBoard(SessionStatus initial, OnChange on_change)
    : status_(std::move(initial)), on_change_(std::move(on_change))
{
    status_.since = WallClock::now();
    changed();
}

void StatusBoard::changed()
{
    if (on_change_) {
        on_change_(status_);
    }
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
        changed();
    }
}

void StatusBoard::add(const CheckpointFigures& figures, bool verified,
                      const std::string& because)
{
    const std::lock_guard lock(mutex_);
    ++status_.checkpoints;
    status_.verified += verified ? 1 : 0;
    status_.last = figures;
    status_.last_because = because;
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
    changed();
}

void StatusBoard::warn(WarningKind kind, const std::string& text)
{
    const std::lock_guard lock(mutex_);
    auto& all = status_.warnings;
    const auto at = std::ranges::lower_bound(all, kind, {}, &Warning::kind);
    if (at != all.end() && at->kind == kind) {
        at->text = text;
    } else {
        all.insert(at, {kind, text});
    }
}

void StatusBoard::clear(WarningKind kind)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(status_.warnings,
                  [kind](const Warning& w) { return w.kind == kind; });
}

void StatusBoard::set_devices(std::vector<DeviceStatus> devices)
{
    const std::lock_guard lock(mutex_);
    status_.devices = std::move(devices);
}

void StatusBoard::set_output(OutputStatus output)
{
    const std::lock_guard lock(mutex_);
    status_.output = std::move(output);
}

void StatusBoard::set_peer(const std::string& peer)
{
    const std::lock_guard lock(mutex_);
    status_.peer = peer;
    changed();
}

void StatusBoard::set_domid(Domid domid)
{
    const std::lock_guard lock(mutex_);
    status_.domid = domid;
    changed();
}

}  // namespace xl_colo
