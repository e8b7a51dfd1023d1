#include "session/takeover.h"

namespace xl_colo {

namespace {

using Clock = EventQueue::Clock;

const char* const check_primary_advice =
    "nothing proved the primary dead: check with \"xl list\" there, and "
    "destroy its guest if it still runs";

Verdict decide_after_loss(Fenced fenced, AskedSince asked)
{
    switch (fenced) {
    case Fenced::not_asked:
        return Verdict::ask_fence;
    case Fenced::no_command:
    case Fenced::yes:
        return Verdict::take_over;
    case Fenced::no:
        break;
    }
    switch (asked) {
    case AskedSince::nothing:
        return Verdict::hold;
    case AskedSince::failover:
        return Verdict::take_over;
    case AskedSince::stop:
        break;
    }
    return Verdict::discard;
}

}  // namespace

Verdict decide(CopyState copy, Cause cause, Fenced fenced, AskedSince asked)
{
    if (!is_whole(copy)) {
        return Verdict::discard;
    }
    switch (cause) {
    case Cause::stopped:
    case Cause::failed:
        break;
    case Cause::yielded:
    case Cause::unanswered:
        return Verdict::take_over;
    case Cause::lost:
        return decide_after_loss(fenced, asked);
    }
    return Verdict::discard;
}

Takeover::Takeover(Copy& copy, Peer& peer, StatusBoard& board, Log& log,
                   Fence* fence, std::string guest,
                   std::chrono::milliseconds timeout)
    : copy_(copy),
      peer_(peer),
      board_(board),
      log_(log),
      fence_(fence),
      guest_(std::move(guest)),
      timeout_(timeout)
{
}

// The admin's word counts even if the primary does not answer. Only its STOP
// says otherwise.
Error Takeover::ask_primary()
{
    const Error asked(ErrorKind::asked_to_stop, "failover was asked for here");
    failover_ = Failover::asked;
    // Where it cannot be sent the queue says why.
    (void)peer_.send(FrameType::TAKEOVER);
    for (;;) {
        // The primary may have begun a checkpoint before it heard of this.
        auto event = peer_.next(Clock::now() + 3 * timeout_);
        if (!event || std::holds_alternative<PeerLost>(*event)) {
            return asked;
        }
        auto* frame = std::get_if<Frame>(&*event);
        if (frame && frame->type == FrameType::YIELDED) {
            failover_ = Failover::yielded;
            return asked;
        }
        if (frame && frame->type == FrameType::STOP) {
            return *end_in(*event);
        }
    }
}

// Whatever failed first, a primary that is lost leaves us the only guest; but
// one that has said STOP goes on with its own.
Cause Takeover::classify(const Error& cause)
{
    if (cause.kind() == ErrorKind::peer_stopped) {
        return Cause::stopped;
    }
    if (failover_ != Failover::not_asked && copy_.is_whole()) {
        return failover_ == Failover::yielded ? Cause::yielded
                                              : Cause::unanswered;
    }
    return cause.kind() == ErrorKind::peer_lost || peer_.lost() ? Cause::lost
                                                                : Cause::failed;
}

SessionEnd Takeover::finish(Error cause, CheckpointNumber checkpoint)
{
    const Cause kind = classify(cause);
    const std::string why =
        kind == Cause::lost ? loss(cause, checkpoint) : cause.text();
    Fenced fenced = fence_ ? Fenced::not_asked : Fenced::no_command;
    AskedSince asked = AskedSince::nothing;
    for (;;) {
        switch (decide(copy_.state(), kind, fenced, asked)) {
        case Verdict::discard:
            return discard(cause);
        case Verdict::take_over:
            return take_over(why, fenced == Fenced::yes);
        case Verdict::ask_fence:
            fenced = ask_fence();
            break;
        case Verdict::hold:
            asked = hold(cause);
            if (asked == AskedSince::nothing) {
                fenced = Fenced::not_asked;  // it may say something else now
            }
            break;
        }
    }
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
        log_.warn(lost + "after checkpoint " + number);
        return lost + "after checkpoint " + number;
    case CopyState::unstarted:
    case CopyState::suspended: {
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

// The copy stands as long as the answer is not yes, so that it does nothing
// that counts.
Fenced Takeover::ask_fence()
{
    board_.enter(State::fencing);
    if (!paused_ && copy_.state() == CopyState::running) {
        paused_ = true;
        if (auto s = copy_.domain()->pause(); !s) {
            log_.warn("cannot pause the copy: " + s.error().text());
        }
    }
    const Status fenced = fence_->run();
    if (fenced) {
        return Fenced::yes;
    }
    board_.warn(WarningKind::fence_says_no,
                "the fence command said no (" + fenced.error().text() +
                "): run xl-colo-failover when the primary is off, or "
                "xl-colo-stop to give the copy up");
    log_.error("fence: " + fenced.error().text());
    return Fenced::no;
}

// For one timeout at most: the fence may say something else then. A stop is why
// the session ends from then on.
AskedSince Takeover::hold(Error& cause)
{
    const auto event = peer_.wait_local(Clock::now() + timeout_);
    if (!event) {
        return AskedSince::nothing;
    }
    if (auto* stop = std::get_if<StopRequest>(&*event)) {
        cause = {ErrorKind::asked_to_stop, stop->reason};
        return AskedSince::stop;
    }
    return std::holds_alternative<FailoverRequest>(*event)
               ? AskedSince::failover
               : AskedSince::nothing;
}

SessionEnd Takeover::take_over(const std::string& why, bool primary_is_off)
{
    board_.clear(WarningKind::fence_says_no);
    if (paused_) {
        if (auto s = copy_.domain()->unpause(); !s) {
            log_.error("cannot unpause the guest: " + s.error().text());
        }
    }
    if (copy_.state() != CopyState::running) {
        const Status runs = copy_.run();
        if (!runs && failover_ == Failover::yielded) {
            return discard(runs.error().with_context("cannot take over"));
        }
        if (!runs) {
            log_.error("cannot resume the guest: " + runs.error().text());
            board_.warn(WarningKind::guest_stands,
                        "the guest is here but could not be resumed: see the "
                        "log");
        }
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
    wish("rename the domain", domain.rename(guest_));
    wish("stop the dirty log", domain.set_log_dirty(false));
    if (failover_ == Failover::yielded) {
        (void)peer_.send(FrameType::TAKEN_OVER);
    } else if (!primary_is_off) {
        board_.warn(WarningKind::guest_twice, check_primary_advice);
        log_.warn(check_primary_advice);
    }
    return {State::taken_over, why, failover_ != Failover::not_asked};
}

SessionEnd Takeover::discard(const Error& cause)
{
    board_.clear(WarningKind::fence_says_no);
    // First the domain, then the word that it is gone.
    const Status destroyed = copy_.destroy();
    if (!destroyed) {
        board_.warn(WarningKind::copy_left, destroyed.error().text());
        log_.error(destroyed.error().text());
    }
    const bool told = cause.kind() == ErrorKind::peer_stopped;
    if (!told) {
        peer_.part(destroyed ? cause.text()
                             : cause.text() + "; " + destroyed.error().text(),
                   timeout_);
    } else if (destroyed) {
        (void)peer_.send(FrameType::BYE);
    }
    return {State::ended, (told ? "primary: " : "") + cause.text(),
            bool(destroyed) &&
                (told || cause.kind() == ErrorKind::asked_to_stop)};
}

}  // namespace xl_colo
