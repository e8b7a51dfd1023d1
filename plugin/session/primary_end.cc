#include "session/primary_end.h"

#include <utility>

namespace xl_colo {

namespace {

// Until a copy of many GiB is destroyed.
constexpr std::chrono::seconds copy_patience{60};

const char* const check_peer_advice =
    "the secondary may have taken over: check with \"xl list\" there, and "
    "destroy one of the two if both run";

const char* const stuck_and_left_advice =
    "the guest is suspended here and cannot be resumed; check that it runs on "
    "the secondary, then \"xl destroy\" it here";

const char* const stuck_and_alone_advice =
    "the guest is suspended here and cannot be resumed, and the secondary has "
    "no copy of it: see the log";

const char* const yielded_advice =
    "failover under way when the connection was lost; the guest is held here: "
    "if it does not run on the secondary, \"xl unpause\" it";

}  // namespace

PrimaryEnding decide_primary_end(Failover failover, GuestLeft guest,
                                 ErrorKind why, CopyLeft copy)
{
    if (failover == Failover::wanted) {
        return {Then::hand_over};
    }
    switch (guest) {
    case GuestLeft::ended:
        return {Then::go_on, LastWord::stop};
    case GuestLeft::suspended:
        return {Then::resume};
    case GuestLeft::stuck:
        // Better on the other host than nowhere.
        return {copy == CopyLeft::perhaps && why != ErrorKind::peer_stopped
                    ? Then::leave_to_copy
                    : Then::hold};
    case GuestLeft::runs:
        break;
    }
    switch (why) {
    case ErrorKind::peer_lost:
        return {Then::go_on};
    case ErrorKind::peer_stopped:
        return {Then::go_on, LastWord::bye};
    default:
        return {Then::go_on, LastWord::stop};
    }
}

SessionEnd PrimaryEnd::carry_out(Error cause, CopyLeft copy)
{
    Failover failover =
        peer_.takeover() ? Failover::wanted : Failover::not_wanted;
    GuestLeft guest = cause.kind() == ErrorKind::guest_stopped
                          ? GuestLeft::ended
                      : guest_.stands() == OwnGuest::Stands::by_us
                          ? GuestLeft::suspended
                          : GuestLeft::runs;
    for (;;) {
        const PrimaryEnding ending =
            decide_primary_end(failover, guest, cause.kind(), copy);
        switch (ending.then) {
        case Then::hand_over:
            if (auto held = hold(); !held) {
                cause = held.error().with_context("cannot hold the guest");
                failover = Failover::not_wanted;
                break;
            }
            return hand_over();
        case Then::resume:
            guest = resume();
            break;
        case Then::hold:
            return stand_here(cause, stuck_and_alone_advice);
        case Then::leave_to_copy:
            return stand_here(cause, stuck_and_left_advice);
        case Then::go_on:
            return go_on(ending.word, cause, copy);
        }
    }
}

GuestLeft PrimaryEnd::resume()
{
    const Status resumed = guest_.resume();
    if (guest_.stands() != OwnGuest::Stands::by_us) {
        return GuestLeft::runs;
    }
    log_.error("cannot resume the guest here: " + resumed.error().text());
    return GuestLeft::stuck;
}

SessionEnd PrimaryEnd::stand_here(const Error& cause,
                                  const char* what_to_check)
{
    board_.warn(WarningKind::guest_stands, what_to_check);
    return {State::held, cause.text(), false};
}

SessionEnd PrimaryEnd::go_on(LastWord word, const Error& cause, CopyLeft copy)
{
    SessionEnd end{State::unprotected, cause.text(), false};
    bool copy_is_gone = false;  // for certain
    switch (word) {
    case LastWord::none:
        end.why = "secondary lost: " + end.why;
        break;
    case LastWord::bye:
        end.why = "secondary: " + end.why;
        (void)peer_.send(FrameType::BYE);
        // Our guest runs, and the copy stands still: no hurry.
        if (auto gone = peer_.hear_of_copy(copy_patience); !gone) {
            board_.warn(WarningKind::copy_left,
                        "secondary: " + gone.error().text());
        }
        return end;
    case LastWord::stop:
        end.orderly = cause.kind() == ErrorKind::asked_to_stop ||
                      cause.kind() == ErrorKind::guest_stopped;
        copy_is_gone = peer_.part(cause.text(), timeout_);
        break;
    }
    if (!copy_is_gone && copy == CopyLeft::perhaps) {
        board_.warn(WarningKind::guest_twice, check_peer_advice);
        log_.warn(check_peer_advice);
    }
    return end;
}

// Paused and not suspended: so "xl unpause" brings it back if need be.
Status PrimaryEnd::hold()
{
    Status held = domain_.pause();
    if (held && guest_.stands() == OwnGuest::Stands::by_us) {
        held = guest_.resume();
        if (!held) {
            (void)domain_.unpause();
        }
    }
    return held;
}

// An admin wants the guest on the other host. It goes away here only when the
// other has it.
SessionEnd PrimaryEnd::hand_over()
{
    board_.enter(State::held);
    Status yielded = peer_.send(FrameType::YIELDED);
    if (yielded) {
        // However long the other side takes, and whatever is asked here: with
        // YIELDED the guest is the secondary's, until it says otherwise.
        auto taken = peer_.insist(FrameType::TAKEN_OVER);
        if (taken) {
            if (auto s = domain_.destroy(); !s) {
                log_.warn("the guest runs on the secondary; cannot destroy it "
                          "here: " + s.error().text());
            }
            return {State::ended, "failover to the secondary", true};
        }
        yielded = taken.error();
    } else {
        // It may have called the failover off, and left.
        yielded = peer_.why_it_failed(yielded.error(), timeout_);
    }
    if (yielded.error().kind() == ErrorKind::peer_stopped) {
        (void)peer_.send(FrameType::BYE);
        yielded = domain_.unpause();
        if (yielded) {
            return {State::unprotected, "failover was called off", false};
        }
    }
    board_.warn(WarningKind::guest_held, yielded_advice);
    return {State::held, yielded.error().text(), false};
}

}  // namespace xl_colo
