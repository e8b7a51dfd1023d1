// What both sessions do with the peer in the middle of a step: wait for the
// one frame that must come next. A request to end protection ends the wait;
// whatever else this host wants is kept for the next quiet moment.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "session/event_queue.h"
#include "wire/link.h"

namespace xl_colo {

// Why protection is to end, if the event says that: peer_lost or what was
// wrong on the wire; peer_stopped with the peer's words; peer_yielded;
// asked_to_stop with those of a StopRequest; guest_stopped; devices_changed.
std::optional<Error> end_in(const Event& event);

// How many times as long the steps of the initial copy may take. libxl has
// limits of its own for what it waits for while it builds a domain, of a minute
// and less each; under load several may come near them.
constexpr int initial_copy_factor = 10;

class Peer {
public:
    // `step_limit`: how long a peer that is heard may take for its next step,
    // beyond the initial copy. A secondary has none: its copy can wait, and is
    // worth something when a primary that hangs is ended by somebody.
    Peer(FrameSender& sender, EventQueue& queue,
         std::optional<std::chrono::milliseconds> step_limit = std::nullopt)
        : sender_(sender), queue_(queue), step_limit_(step_limit) {}

    // The next frame, which must be `type`, with a body that begins with this
    // checkpoint's number: what follows the number. Errors: those of end_in(),
    // at once, whichever comes first; takeover() below; timeout; protocol for
    // any other frame.
    Result<Buffer> expect(FrameType type, CheckpointNumber number);
    // The next frame of that type, however long that takes: only the peer ends
    // the wait, since the guest's fate is in its hands. Errors: those of its
    // that end_in() knows.
    Result<Frame> insist(FrameType type);

    // A quiet moment: the oldest event that was kept, or the next one.
    std::optional<Event> next(
        std::optional<EventQueue::Clock::time_point> deadline = std::nullopt);

    // The same, and calls `each_second` meanwhile.
    std::optional<Event> next(
        std::optional<EventQueue::Clock::time_point> deadline,
        const std::function<void()>& each_second);

    // What this host wants, after the peer is lost.
    std::optional<Event> wait_local(EventQueue::Clock::time_point deadline);

    // Drops requests for a failover that have come by now. Whether there were
    // some.
    bool forget_failover_requests();

    // Whether a StopRequest waits to be taken; or that, or a FailoverRequest.
    bool is_asked_to_stop();
    bool is_asked_for_something();

    // The oldest end of protection that is known and that nobody has heard of
    // yet. Other requests stay for wait_local(); frames do not.
    std::optional<Error> pending_end();
    // Why a step failed. Where that was a send to a peer that had gone, what
    // it said before it went comes first: a STOP that has not been read yet is
    // no loss. Waits for that, no longer than `patience`.
    Error why_it_failed(const Error& failure,
                        std::chrono::milliseconds patience);

    Status send(FrameType type) { return sender_.send(type); }
    Status send(FrameType type, CheckpointNumber number, View rest = {});
    Status send_stop(const std::string& why);

    // Tells the peer why protection ends and waits, but no longer than
    // `patience` from when that is sent, until it has understood: it answered,
    // or said the same at the same time. False when nothing proves that.
    bool part(const std::string& why, std::chrono::milliseconds patience);

    // After a STOP of the secondary's, whose copy stands still then: waits for
    // the BYE that says that it is gone. Errors: with the words of another STOP
    // if it is not; timeout, also when something else ends the wait.
    Status hear_of_copy(std::chrono::milliseconds patience);

    // Whether the peer is gone, as against one that sent nonsense. After
    // either, expect() fails at once.
    bool lost() const
    {
        return ended_ && ended_->kind() == ErrorKind::peer_lost;
    }
    // Whether the secondary's admin asked for a failover.
    bool takeover() const { return takeover_; }

private:
    // Whose events end a wait.
    enum class Heeds { everybody, only_the_peer };
    Result<Frame> wait_for(
        FrameType type, Heeds heeds,
        std::optional<std::chrono::milliseconds> limit = std::nullopt);
    void note(const Event& event);
    void keep_all();

    FrameSender& sender_;
    EventQueue& queue_;
    const std::optional<std::chrono::milliseconds> step_limit_;
    std::deque<Event> kept_;
    std::optional<Error> ended_;  // the link, and why
    bool takeover_ = false;
    bool bye_ = false;                // it has said that
    std::vector<std::string> stops_;  // the words of each STOP
};

}  // namespace xl_colo
