// What a session's thread waits for: frames from the peer, and what happens
// on this host. One queue, so that the order in which things became known is
// the order in which they are handled.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "hypervisor/domain.h"
#include "wire/frame.h"

namespace xl_colo {

struct StopRequest {         // xl-colo-stop, SIGTERM, SIGINT
    std::string reason;
};
struct FailoverRequest {};   // xl-colo-failover
struct DomainsChanged {};    // some domain here shut down or went away
struct GuestStopped {        // the protected one: it shut down or went away
    GuestState state;
};
struct DevicesChanged {      // of the protected guest: DeviceGuard::check()
    Error error;
};
struct CheckpointWanted {    // a device asks for one, here or on the peer
    std::string why;
    std::chrono::steady_clock::time_point asked;
};
struct PeerLost {
    Error error;
};

using Event =
    std::variant<Frame, StopRequest, FailoverRequest, DomainsChanged,
                 GuestStopped, DevicesChanged, CheckpointWanted, PeerLost>;

// Any thread posts, the session's thread takes.
class EventQueue {
public:
    using Clock = std::chrono::steady_clock;

    void post(Event event);
    // Nothing when the deadline passes first. Without a deadline it waits: the
    // link posts PeerLost when the peer is silent for too long.
    std::optional<Event> take(
        std::optional<Clock::time_point> deadline = std::nullopt);

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Event> events_;
};

}  // namespace xl_colo
