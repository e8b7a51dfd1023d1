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

    Status send(FrameType type) { return sender_.send(type); }
    Status send(FrameType type, CheckpointNumber number, View rest = {});

    // Tells the peer why protection ends and waits, but no longer than
    // `patience`, until it has understood.
    void part(const std::string& why, std::chrono::milliseconds patience);

    // Whether the peer is gone; expect() fails at once then.
    const std::optional<Error>& lost() const { return lost_; }
    // Whether the secondary's admin asked for a failover.
    bool takeover() const { return takeover_; }

private:
    FrameSender& sender_;
    EventQueue& queue_;
    std::deque<Event> kept_;
    std::optional<Error> lost_;
    bool takeover_ = false;
};

}  // namespace xl_colo
