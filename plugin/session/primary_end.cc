#include "session/primary_end.h"

#include <thread>
#include <utility>

namespace xl_colo {

namespace {

using Clock = EventQueue::Clock;

// Until a copy of many GiB is destroyed.
constexpr std::chrono::seconds copy_patience{60};

const char* const check_peer_advice =
    "the secondary may have taken over: check with \"xl list\" there, and "
    "destroy one of the two if both run";

const char* const not_confirmed =
    "the other host did not confirm that its copy is gone, and it may take "
    "over: check with \"xl list\" there, and destroy one of the two if both "
    "run";

const char* const stuck_and_left_advice =
    "the guest is suspended here and cannot be resumed; check that it runs on "
    "the secondary, then \"xl destroy\" it here";

const char* const stuck_and_alone_advice =
    "the guest is suspended here and cannot be resumed, and the secondary has "
    "no copy of it: see the log";

const char* const yielded_advice =
    "failover under way when the connection was lost; the guest is held here: "
    "if it does not run on the secondary, \"xl unpause\" it";

const char* const unclaimed_advice =
    "the witness has not said who has the guest; it is held here: if it does "
    "not run on the secondary, \"xl unpause\" it";

}  // namespace

PrimaryEnding decide_primary_end(const PrimaryFacts& facts)
{
    const bool gone = facts.why == ErrorKind::peer_lost;
    bool ours = false;  // so the witness has said
    if (gone && facts.copy == CopyLeft::perhaps &&
        facts.guest != GuestLeft::stuck) {
        switch (facts.claimed) {
        case Claimed::not_asked:
        case Claimed::unknown:
            return {Then::claim};
        case Claimed::theirs:
            return {Then::give_up};
        case Claimed::yours:
            ours = true;
            break;
        case Claimed::no_witness:
            break;
        }
    }
    if (facts.guest == GuestLeft::ended) {
        return {Then::go_on, gone ? LastWord::none : LastWord::stop};
    }
    if (facts.failover == Failover::wanted && !ours) {
        return {Then::hand_over};
    }
    switch (facts.guest) {
    case GuestLeft::suspended:
        return {Then::resume};
    case GuestLeft::stuck:
        // Better on the other host than nowhere.
        return {facts.copy == CopyLeft::perhaps &&
                        facts.why != ErrorKind::peer_stopped
                    ? Then::yield
                    : Then::hold};
    case GuestLeft::runs:
    case GuestLeft::ended:
        break;
    }
    switch (facts.why) {
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
    PrimaryFacts facts{
        guest_.stands() == OwnGuest::Stands::by_us ? GuestLeft::suspended
                                                   : GuestLeft::runs,
        peer_.takeover() ? Failover::wanted : Failover::not_wanted,
        cause.kind(), copy,
        witness_ ? Claimed::not_asked : Claimed::no_witness};
    if (cause.kind() == ErrorKind::devices_changed) {
        let_go_away();
    }
    for (;;) {
        look_at_guest(facts, cause);
        const PrimaryEnding ending = decide_primary_end(facts);
        switch (ending.then) {
        case Then::claim:
            if (auto end = claim(facts, cause)) {
                return *end;
            }
            break;
        case Then::give_up:
            return give_up(cause);
        case Then::hand_over:
            if (auto held = hold(); !held) {
                cause = held.error().with_context("cannot hold the guest");
                facts.why = cause.kind();
                facts.failover = Failover::not_wanted;
                break;
            }
            return hand_over();
        case Then::resume:
            facts.guest = resume();
            break;
        case Then::hold:
            return stand_here(cause, stuck_and_alone_advice);
        case Then::yield:
            return leave_to_copy(cause);
        case Then::go_on:
            if (auto end = go_on(ending.word, facts, cause)) {
                return *end;
            }
            break;
        }
    }
}

// "xl destroy" pauses the guest and detaches its devices, and only then takes
// it away.
void PrimaryEnd::let_go_away()
{
    const auto deadline = Clock::now() + settings_.until_gone;
    while (!has_ended(domain_.state()) && Clock::now() < deadline) {
        const auto paused = domain_.is_paused();
        if (paused && (!*paused || guest_.is_paused())) {
            return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

// It may have ended although it was something else that we heard of first, a
// wish for a failover among it. A guest that has ended is no other host's.
void PrimaryEnd::look_at_guest(PrimaryFacts& facts, Error& cause)
{
    const GuestState state = domain_.state();
    if (!has_ended(state)) {
        return;
    }
    facts.guest = GuestLeft::ended;
    if (facts.why != ErrorKind::guest_stopped &&
        facts.why != ErrorKind::peer_lost) {
        cause = {ErrorKind::guest_stopped,
                 std::string("the guest has stopped: ") + to_string(state)};
        facts.why = cause.kind();
    }
}

// "xl destroy" and "xl save" take the device model away first, without which
// nothing is resumed, and the guest some time later.
GuestLeft PrimaryEnd::resume()
{
    const Status resumed = guest_.resume();
    const auto deadline = Clock::now() + settings_.until_gone;
    while (guest_.stands() == OwnGuest::Stands::by_us) {
        if (has_ended(domain_.state())) {
            return GuestLeft::ended;
        }
        if (Clock::now() > deadline) {
            log_.error("cannot resume the guest here: " +
                       resumed.error().text());
            return GuestLeft::stuck;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return GuestLeft::runs;
}

SessionEnd PrimaryEnd::stand_here(const Error& cause,
                                  const char* what_to_check)
{
    board_.warn(WarningKind::guest_stands, what_to_check);
    return {State::held, cause.text(), false};
}

// ---- the witness -----------------------------------------------------------

// The guest does nothing that counts before the answer is yes.
void PrimaryEnd::stand_still()
{
    if (paused_ || guest_.stands() == OwnGuest::Stands::by_us) {
        return;
    }
    const Status paused = guest_.pause();
    paused_ = bool(paused);
    if (!paused_ && !has_ended(domain_.state())) {
        const std::string text =
            "the guest should stand, and cannot be paused: " +
            paused.error().text();
        board_.warn(WarningKind::guest_twice, text);
        log_.error(text);
    }
}

// One answer; where there is none, an admin may end the wait for it.
std::optional<SessionEnd> PrimaryEnd::claim(PrimaryFacts& facts,
                                            const Error& cause)
{
    stand_still();
    // Heartbeats would keep a secondary waiting that has not heard our STOP.
    link_.close();
    const ClaimAnswer answer =
        witness_->claim([this] { return peer_.is_asked_to_stop(); });
    switch (answer.claim) {
    case Claim::yours:
        facts.claimed = Claimed::yours;
        board_.clear(WarningKind::guest_held);
        board_.clear(WarningKind::guest_twice);
        if (auto s = let_go(); !s) {
            return stand_here(s.error(), stuck_and_alone_advice);
        }
        return std::nullopt;
    case Claim::theirs:
        facts.claimed = Claimed::theirs;
        return std::nullopt;
    case Claim::unknown:
        break;
    }
    if (std::exchange(facts.claimed, Claimed::unknown) != Claimed::unknown) {
        const std::string text =
            "the secondary is lost (" + cause.text() +
            "), and the witness does not say who has the guest (" +
            answer.why + "): it is held here, and the witness asked again";
        log_.error(text);
        board_.enter(State::held);
        board_.warn(WarningKind::guest_held, text);
    }
    const auto deadline = Clock::now() + settings_.timeout;
    while (const auto event = peer_.wait_local(deadline)) {
        const auto* stop = std::get_if<StopRequest>(&*event);
        if (!stop) {
            continue;  // what became of the guest is looked up anyway
        }
        if (facts.guest == GuestLeft::suspended && !paused_ && !hold()) {
            return stand_here({ErrorKind::asked_to_stop, stop->reason},
                              stuck_and_left_advice);
        }
        board_.warn(WarningKind::guest_held, unclaimed_advice);
        return SessionEnd{State::held, cause.text() + "; " + stop->reason,
                          false};
    }
    return std::nullopt;
}

Status PrimaryEnd::let_go()
{
    if (!std::exchange(paused_, false) || has_ended(domain_.state())) {
        return {};
    }
    return guest_.unpause();
}

SessionEnd PrimaryEnd::give_up(const Error& cause)
{
    const std::string why =
        "the witness has given the guest to the secondary (" + cause.text() +
        ")";
    log_.warn(why);
    board_.clear(WarningKind::guest_twice);
    const Status gone =
        domain_.state() == GuestState::gone ? Status() : domain_.destroy();
    if (!gone) {
        board_.warn(WarningKind::guest_held,
                    why + "; it stands here, and cannot be destroyed: " +
                        gone.error().text());
        return {State::held, why, false};
    }
    board_.clear(WarningKind::guest_held);
    return {State::ended, why, false};
}

// ---- going on --------------------------------------------------------------

// Nothing when the secondary did not answer, and the witness is to say first
// who has the guest.
std::optional<SessionEnd> PrimaryEnd::go_on(LastWord word, PrimaryFacts& facts,
                                            const Error& cause)
{
    SessionEnd end{State::unprotected, cause.text(), false};
    bool copy_is_gone = facts.claimed == Claimed::yours;  // or not to run
    switch (word) {
    case LastWord::none:
        if (cause.kind() == ErrorKind::peer_lost) {
            end.why = "secondary lost: " + end.why;
        }
        // It did not answer an admin's STOP; but the guest is ours.
        end.orderly = copy_is_gone && cause.kind() == ErrorKind::asked_to_stop;
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
        copy_is_gone |= peer_.part(cause.text(), settings_.timeout);
        break;
    }
    if (!copy_is_gone && facts.copy == CopyLeft::perhaps) {
        if (facts.claimed == Claimed::not_asked) {
            facts.why = ErrorKind::peer_lost;
            return std::nullopt;
        }
        if (end.orderly) {
            // Whoever asked for the end must not take it for a good one.
            end.orderly = false;
            end.why += std::string("; ") + not_confirmed;
        }
        board_.warn(WarningKind::guest_twice, check_peer_advice);
        log_.warn(check_peer_advice);
    }
    return end;
}

// ---- the guest is to go on on the other host -------------------------------

// Paused and not suspended: so "xl unpause" brings it back if need be.
Status PrimaryEnd::hold()
{
    Status held = guest_.pause();
    if (held && guest_.stands() == OwnGuest::Stands::by_us) {
        held = guest_.resume();
        if (!held) {
            (void)guest_.unpause();
        }
    }
    return held;
}

// The guest stands, and is the secondary's until that says otherwise, however
// long it takes and whatever is asked here. It goes away here only when the
// other has it.
Status PrimaryEnd::yield()
{
    board_.enter(State::held);
    if (auto s = peer_.send(FrameType::YIELDED); !s) {
        // It may have called the failover off, and left.
        return peer_.why_it_failed(s.error(), settings_.timeout);
    }
    if (auto taken = peer_.insist(FrameType::TAKEN_OVER); !taken) {
        return taken.error();
    }
    if (auto s = domain_.destroy(); !s) {
        log_.warn("the guest runs on the secondary; cannot destroy it here: " +
                  s.error().text());
    }
    return {};
}

SessionEnd PrimaryEnd::hand_over()
{
    Status yielded = yield();
    if (yielded) {
        return {State::ended, "failover to the secondary", true};
    }
    if (yielded.error().kind() == ErrorKind::peer_stopped) {
        (void)peer_.send(FrameType::BYE);
        yielded = guest_.unpause();
        if (yielded) {
            return {State::unprotected, "failover was called off", false};
        }
    }
    board_.warn(WarningKind::guest_held, yielded_advice);
    return {State::held, yielded.error().text(), false};
}

SessionEnd PrimaryEnd::leave_to_copy(const Error& cause)
{
    const Status yielded = yield();
    if (yielded) {
        return {State::ended,
                "the guest could not be resumed here, and goes on on the "
                "secondary (" + cause.text() + ")",
                false};
    }
    if (yielded.error().kind() == ErrorKind::peer_stopped) {
        (void)peer_.send(FrameType::BYE);
        return stand_here(cause, stuck_and_alone_advice);
    }
    return stand_here(cause, stuck_and_left_advice);
}

}  // namespace xl_colo
