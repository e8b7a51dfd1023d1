#include "session/takeover.h"

#include <utility>

namespace xl_colo {

namespace {

using Clock = EventQueue::Clock;

// Until a call that has failed is tried again.
constexpr std::chrono::seconds retry_after{1};

const char* const check_primary_advice =
    "nothing proved the primary dead: check with \"xl list\" there, and "
    "destroy its guest if it still runs";

Verdict decide_by_admin(const Facts& facts)
{
    if (facts.asked == AskedSince::stop) {
        return Verdict::discard;
    }
    if (facts.copy == CopyState::running) {
        return Verdict::pause;
    }
    return facts.asked == AskedSince::failover ? Verdict::take_over
                                               : Verdict::hold;
}

Verdict decide_by_fence(const Facts& facts)
{
    if (facts.fenced == Fenced::no_command || facts.fenced == Fenced::yes) {
        return Verdict::take_over;
    }
    const bool asks = facts.fenced == Fenced::not_asked &&
                      facts.asked != AskedSince::stop &&
                      facts.copy != CopyState::running;
    return asks ? Verdict::ask_fence : decide_by_admin(facts);
}

Verdict decide_by_witness(const Facts& facts)
{
    switch (facts.claimed) {
    case Claimed::theirs:
        return Verdict::discard;
    case Claimed::no_witness:
    case Claimed::yours:
        return decide_by_fence(facts);
    case Claimed::not_asked:
    case Claimed::unknown:
        break;
    }
    const bool asks = facts.claimed == Claimed::not_asked &&
                      facts.asked != AskedSince::stop &&
                      facts.copy != CopyState::running;
    return asks ? Verdict::ask_witness : decide_by_admin(facts);
}

}  // namespace

Verdict decide(const Facts& facts)
{
    if (!is_whole(facts.copy)) {
        return Verdict::discard;
    }
    switch (facts.cause) {
    case Cause::stopped:
    case Cause::failed:
        break;
    case Cause::yielded:
        return Verdict::take_over;
    case Cause::lost:
        return decide_by_witness(facts);
    case Cause::silent:
        return facts.claimed == Claimed::no_witness ? decide_by_admin(facts)
                                                    : decide_by_witness(facts);
    }
    return Verdict::discard;
}

Takeover::Takeover(Copy& copy, Peer& peer, StatusBoard& board, Log& log,
                   Fence* fence, Witness* witness, Link& link,
                   Settings settings)
    : copy_(copy),
      peer_(peer),
      board_(board),
      log_(log),
      fence_(fence),
      witness_(witness),
      link_(link),
      settings_(std::move(settings))
{
}

Error Takeover::ask_primary()
{
    const auto deadline = Clock::now() + settings_.yield_limit;
    asked_ = true;
    // Where it cannot be sent the queue says why.
    (void)peer_.send(FrameType::TAKEOVER);
    while (auto event = peer_.next(deadline)) {
        if (auto end = end_in(*event)) {
            return *end;
        }
        if (std::holds_alternative<DomainsChanged>(*event) &&
            copy_.domain()->state() == GuestState::gone) {
            copy_.enter(CopyState::none);
            return {ErrorKind::domain_gone, "the copy's domain is gone"};
        }
        // A checkpoint may have begun before the primary heard of this: then it
        // waits for our guest to be suspended, hears of it, and gives that up.
    }
    return {ErrorKind::timeout,
            "failover: the primary is heard and did not hold its guest in " +
                std::to_string(settings_.yield_limit.count()) + " ms"};
}

// Whatever failed first, a primary that is lost leaves us the only guest; but
// one that has said STOP goes on with its own. Either may have come unnoticed,
// when it was another step that failed.
Cause Takeover::classify(Error& cause)
{
    const auto ends = [](const Error& error) {
        return error.kind() == ErrorKind::peer_stopped ||
               error.kind() == ErrorKind::peer_yielded ||
               error.kind() == ErrorKind::peer_lost;
    };
    if (!ends(cause)) {
        if (auto later = peer_.pending_end(); later && ends(*later)) {
            cause = *later;
        }
    }
    if (cause.kind() == ErrorKind::peer_stopped) {
        return Cause::stopped;
    }
    if (cause.kind() == ErrorKind::peer_yielded) {
        yielded_ = true;
        if (asked_) {
            cause = {cause.kind(), "failover was asked for here"};
        }
        return Cause::yielded;
    }
    if (cause.kind() != ErrorKind::peer_lost && !peer_.lost()) {
        return Cause::failed;
    }
    return link_.was_stopped() ? Cause::silent : Cause::lost;
}

SessionEnd Takeover::finish(Error cause, CheckpointNumber checkpoint)
{
    const std::optional<Error> asked =
        cause.kind() == ErrorKind::asked_to_stop ? std::optional(cause)
                                                 : std::nullopt;
    Facts facts{CopyState::none, classify(cause),
                witness_ ? Claimed::not_asked : Claimed::no_witness,
                fence_ ? Fenced::not_asked : Fenced::no_command,
                AskedSince::nothing};
    std::string why = cause.text();
    if (facts.cause == Cause::lost || facts.cause == Cause::silent) {
        if (asked) {
            // The loss came behind it, and it is still what somebody wants.
            facts.asked = AskedSince::stop;
        }
        // A primary that comes back is not to wait for us.
        link_.close();
        why = loss(cause, checkpoint);
    }
    if (facts.cause == Cause::silent && !witness_ && copy_.is_whole()) {
        hold_back("this host was silent for longer than the timeout, and the "
                  "primary goes on without it, if it lives");
    }
    for (bool first = true;;) {
        facts.copy = copy_.state();
        const Verdict verdict = decide(facts);
        if (verdict != Verdict::discard && verdict != Verdict::take_over) {
            board_.enter(State::fencing);
        }
        switch (verdict) {
        case Verdict::discard:
            return discard(asked ? *asked : cause);
        case Verdict::take_over:
            return take_over(why, facts.fenced == Fenced::yes ||
                                      facts.claimed == Claimed::yours);
        case Verdict::pause:
            pause();
            if (copy_.state() == CopyState::running) {
                facts.asked = hold(retry_after, cause);
            }
            break;
        case Verdict::ask_witness:
            // The primary, which has lost nothing, is to ask before us.
            if (std::exchange(first, false) &&
                hold(settings_.timeout, cause) == AskedSince::stop) {
                facts.asked = AskedSince::stop;
                break;
            }
            facts.claimed = ask_witness();
            facts.asked = AskedSince::nothing;
            if (facts.claimed == Claimed::theirs) {
                cause = {ErrorKind::refused,
                         "the witness has given the guest to the primary (" +
                             cause.text() + ")"};
            }
            break;
        case Verdict::ask_fence:
            facts.fenced = ask_fence();
            facts.asked = AskedSince::nothing;
            break;
        case Verdict::hold:
            facts.asked = hold(settings_.timeout, cause);
            if (facts.asked == AskedSince::nothing) {
                // They may say something else now.
                if (facts.claimed == Claimed::unknown) {
                    facts.claimed = Claimed::not_asked;
                } else if (facts.fenced == Fenced::no) {
                    facts.fenced = Fenced::not_asked;
                }
            }
            break;
        }
    }
}

void Takeover::hold_back(const std::string& why)
{
    const std::string text =
        why + ": the copy is held; run xl-colo-failover when the primary is "
              "off, or xl-colo-stop to give the copy up";
    const SessionStatus before = board_.read();
    const Warning* said = before.warning(WarningKind::copy_held);
    board_.enter(State::fencing);
    board_.warn(WarningKind::copy_held, text);
    if (!said) {
        log_.error(text);
        // Nobody could know better before he had heard that.
        (void)peer_.forget_failover_requests();
    }
}

Claimed Takeover::ask_witness()
{
    const auto interrupted = [this] { return peer_.is_asked_to_stop(); };
    const ClaimAnswer answer = witness_->claim(interrupted);
    switch (answer.claim) {
    case Claim::yours:
        board_.clear(WarningKind::copy_held);
        return Claimed::yours;
    case Claim::theirs:
        return Claimed::theirs;
    case Claim::unknown:
        break;
    }
    hold_back("the witness does not say who has the guest (" + answer.why +
              ")");
    return Claimed::unknown;
}

// In words, with how old the state is that the guest goes on from.
std::string Takeover::loss(const Error& cause, CheckpointNumber checkpoint)
{
    const std::string number = std::to_string(checkpoint.value());
    const std::string lost = "primary lost (" + cause.text() + ") ";
    switch (copy_.state()) {
    case CopyState::none:
        break;  // there has been nothing to lose
    case CopyState::running:
    case CopyState::paused:
    case CopyState::unstarted:
    case CopyState::suspended: {
        if (copy_.committed() == checkpoint) {
            log_.warn(lost + "after checkpoint " + number);
            return lost + "after checkpoint " + number;
        }
        const std::string why = lost + "during checkpoint " + number +
                                ", which is not complete: the guest goes on "
                                "without it";
        log_.warn(why);
        return why;
    }
    case CopyState::spoilt:
        log_.error("the primary was lost while its checkpoint was being "
                   "applied and that failed: there is no usable copy here");
        break;
    }
    return cause.text();
}

// The copy must do nothing that counts before the answer is yes: the fence is
// not asked before it stands.
void Takeover::pause()
{
    const Status paused = copy_.pause();
    if (paused) {
        board_.clear(WarningKind::copy_runs);
        return;
    }
    if (copy_.domain()->state() == GuestState::gone) {
        copy_.enter(CopyState::none);
        return;
    }
    const std::string text =
        "the copy should stand, and cannot be paused: " +
        paused.error().text();
    board_.warn(WarningKind::copy_runs, text);
    log_.error(text);
}

Fenced Takeover::ask_fence()
{
    // Somebody who knows better, or gives it up, does not wait for a command
    // that hangs.
    const Status fenced =
        fence_->run([this] { return peer_.is_asked_for_something(); });
    if (fenced) {
        board_.clear(WarningKind::fence_says_no);
        return Fenced::yes;
    }
    const std::string answer =
        "the fence command said no (" + fenced.error().text() +
        "): run xl-colo-failover when the primary is off, or xl-colo-stop to "
        "give the copy up";
    const SessionStatus before = board_.read();
    const Warning* said = before.warning(WarningKind::fence_says_no);
    if (!said || said->text != answer) {
        board_.warn(WarningKind::fence_says_no, answer);
        log_.error(answer);
    }
    // Nobody could know better before he had heard that.
    if (!said && peer_.forget_failover_requests()) {
        log_.warn("xl-colo-failover was run before the fence command said no: "
                  "run it again when the primary is off");
    }
    return Fenced::no;
}

// Until an admin wants something, but no longer than `patience`. A stop is why
// the session ends from then on.
AskedSince Takeover::hold(std::chrono::milliseconds patience, Error& cause)
{
    const auto deadline = Clock::now() + patience;
    while (const auto event = peer_.wait_local(deadline)) {
        if (auto* stop = std::get_if<StopRequest>(&*event)) {
            cause = {ErrorKind::asked_to_stop, stop->reason};
            return AskedSince::stop;
        }
        if (std::holds_alternative<FailoverRequest>(*event)) {
            return AskedSince::failover;
        }
        if (copy_.domain()->state() == GuestState::gone) {
            copy_.enter(CopyState::none);
            break;
        }
    }
    return AskedSince::nothing;
}

// Until it runs, or an admin sees to it: nobody else has the guest. A primary
// that has yielded gets its guest back instead.
std::optional<SessionEnd> Takeover::make_it_run(const std::string& why)
{
    for (bool first = true;; first = false) {
        const Status runs = copy_.become_guest();
        if (runs) {
            board_.clear(WarningKind::guest_stands);
            return std::nullopt;
        }
        if (copy_.domain()->state() == GuestState::gone) {
            copy_.enter(CopyState::none);
        }
        if (yielded_ || copy_.state() == CopyState::none) {
            return discard(runs.error().with_context("cannot take over"));
        }
        const std::string text = "the guest is here and does not run: " +
                                 runs.error().text() +
                                 " (tried again each second)";
        board_.enter(State::taken_over);
        board_.warn(WarningKind::guest_stands, text);
        if (first) {
            log_.error(text);
        }
        Error stop(ErrorKind::asked_to_stop, "");
        if (hold(retry_after, stop) == AskedSince::stop) {
            return SessionEnd{State::taken_over,
                              why + "; the guest does not run: " + stop.text(),
                              false};
        }
    }
}

SessionEnd Takeover::take_over(std::string why, bool primary_is_off)
{
    board_.clear(WarningKind::fence_says_no);
    board_.clear(WarningKind::copy_held);
    board_.clear(WarningKind::copy_runs);
    // Before it runs: from here on it is not to be stopped, not even if this
    // process dies.
    board_.enter(State::taken_over);
    if (auto end = make_it_run(why)) {
        return *end;
    }
    // None of these keeps the guest from running.
    const auto wish = [this](const char* what, const Status& s) {
        if (!s) {
            log_.warn(std::string("cannot ") + what + ": " +
                      s.error().text());
        }
    };
    Domain& domain = *copy_.domain();
    wish("limit the guest's memory", copy_.limits().finish(domain.balloon()));
    if (auto s = domain.rename(settings_.guest); !s) {
        const std::string text = "the guest is here as \"" + copy_.name() +
                                 "\": " + s.error().text();
        board_.warn(WarningKind::wrong_name, text);
        log_.warn(text);
        why += "; " + text;
    }
    wish("stop the dirty log", domain.set_log_dirty(false));
    if (yielded_) {
        (void)peer_.send(FrameType::TAKEN_OVER);
    } else if (!primary_is_off) {
        board_.warn(WarningKind::guest_twice, check_primary_advice);
        log_.warn(check_primary_advice);
    }
    return {State::taken_over, why, yielded_ && asked_};
}

SessionEnd Takeover::discard(const Error& cause)
{
    board_.clear(WarningKind::fence_says_no);
    board_.clear(WarningKind::copy_held);
    board_.clear(WarningKind::copy_runs);
    const bool told = cause.kind() == ErrorKind::peer_stopped;
    // It stands, then the primary's guest may go on; it is gone, then BYE. One
    // that cannot be made to stand has to be gone first.
    const bool stands =
        copy_.state() != CopyState::running || bool(copy_.pause());
    if (!told && stands) {
        peer_.part(cause.text(), settings_.timeout);
    }
    const Status destroyed = copy_.destroy();
    if (!destroyed) {
        board_.warn(WarningKind::copy_left, destroyed.error().text());
        log_.error(destroyed.error().text());
    }
    if (!told && !stands) {
        peer_.part(destroyed ? cause.text()
                             : cause.text() + "; " + destroyed.error().text(),
                   settings_.timeout);
    } else if (destroyed) {
        (void)peer_.send(FrameType::BYE);
    } else if (!told) {
        (void)peer_.send_stop(destroyed.error().text());
    }
    return {State::ended, (told ? "primary: " : "") + cause.text(),
            bool(destroyed) &&
                (told || cause.kind() == ErrorKind::asked_to_stop)};
}

}  // namespace xl_colo
