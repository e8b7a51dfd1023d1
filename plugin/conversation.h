// What both sessions do with the peer in the middle of a step: wait for the
// one frame that must come next. What this host wants meanwhile is kept for
// the next quiet moment.
#pragma once

#include <deque>
#include <optional>

#include "events.h"
#include "link.h"
#include "units.h"

namespace xl_colo {

class Conversation {
public:
    Conversation(FrameSender& sender, EventQueue& queue)
        : sender_(sender), queue_(queue) {}

    // The next frame, which must be `type`. Errors: peer_lost; peer_stopped
    // with the peer's words; takeover() below; protocol for any other frame;
    // timeout at the deadline, if there is one.
    Result<Frame> expect(
        FrameType type,
        std::optional<EventQueue::Clock::time_point> deadline = std::nullopt);
    // The same for a body that begins with this checkpoint's number: what
    // follows the number.
    Result<Buffer> expect(FrameType type, CheckpointNumber number);

    // A quiet moment: the oldest event that was kept, or the next one.
    std::optional<Event> next(
        std::optional<EventQueue::Clock::time_point> deadline = std::nullopt);

    // What this host wants, after the peer is lost.
    std::optional<Event> wait_local(EventQueue::Clock::time_point deadline);

    Status send(FrameType type) { return sender_.send(type); }
    Status send(FrameType type, CheckpointNumber number, View rest = {});

    // Tells the peer why protection ends and waits, but no longer than
    // `patience`, until it has understood.
    void part(const std::string& why, std::chrono::milliseconds patience);

    // Whether the peer is gone, as against one that sent nonsense. After
    // either, expect() fails at once.
    bool lost() const
    {
        return ended_ && ended_->kind() == ErrorKind::peer_lost;
    }
    // Whether the secondary's admin asked for a failover.
    bool takeover() const { return takeover_; }

private:
    FrameSender& sender_;
    EventQueue& queue_;
    std::deque<Event> kept_;
    std::optional<Error> ended_;  // the link, and why
    bool takeover_ = false;
};

}  // namespace xl_colo
