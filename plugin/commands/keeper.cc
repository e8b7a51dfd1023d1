#include "commands/keeper.h"

#include <algorithm>
#include <utility>

#include "commands/outcome.h"
#include "control/control_server.h"
#include "process/protection_mark.h"

namespace xl_colo {

namespace {

Situation situation_of(const SessionStatus& status)
{
    const bool primary = status.role == Role::primary;
    Situation found;
    found.text = std::string(to_string(status.state)) + " as " +
                 to_string(status.role) + " with " + status.peer;
    switch (status.state) {
    case State::protecting:
        found.is_protected = true;
        found.is_primary = primary;
        break;
    case State::connecting:
    case State::copying:
        found.is_primary = primary;
        break;
    case State::fencing:
    case State::held:
        found.advice = Advice::admin;
        break;
    case State::unprotected:
    case State::taken_over:
        found.advice = Advice::start;
        found.text = std::string(to_string(status.state)) + ": " +
                     status.ended.value_or("");
        if (status.ended) {
            found.loss = {*status.ended, status.since};
        }
        break;
    case State::ended:
        break;
    }
    return found;
}

}  // namespace

Result<Situation> look_at(const std::string& domain, Host& host)
{
    const auto status = ask_status(domain, local_patience);
    if (status && status->state != State::ended) {
        return situation_of(*status);
    }
    // Its socket is there for a moment before its process answers, and after.
    if (!status && status.error().kind() != ErrorKind::domain_gone &&
        status.error().kind() != ErrorKind::peer_lost) {
        return status.error();
    }
    if (auto mark = read_mark(domain)) {
        return Situation{Advice::admin, false, false, false, std::move(*mark)};
    }
    const auto guest = host.find(domain);
    if (guest) {
        return Situation{Advice::start, false, false, false, "not protected"};
    }
    if (guest.error().kind() != ErrorKind::domain_gone &&
        guest.error().kind() != ErrorKind::usage) {
        return guest.error();
    }
    return Situation{Advice::rest, false, false, true, "not on this host"};
}

Pauses::Milliseconds Pauses::next()
{
    return std::exchange(next_, std::min(next_ * 2, longest_));
}

}  // namespace xl_colo
