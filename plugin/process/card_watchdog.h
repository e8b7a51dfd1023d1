// Whether the network cards of a guest that was just taken over work here. Its
// PV drivers connect to this host's backends when it goes on, which takes them
// a moment. A connection that is not there after some seconds is made once
// more; if that does not help, an admin is told.
//
//     taken over     10 s: not connected    10 s: still not     each 10 s
//     ------------>  log, reconnect_card()  ->  log, warning    -> until it is
//
// A guest that stands meanwhile, because somebody paused it, is given the time
// anew. Cards that the guest used by no PV driver when it was offered are no
// business of this: nobody could tell what their drivers do.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "hypervisor/host.h"
#include "status/status.h"

namespace xl_colo {

// One thread.
class CardWatchdog {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds patience{10};

    // `devices`: the guest's, of which it takes the cards. Begins now.
    CardWatchdog(Host& host, StatusBoard& board, Log& log,
                 const std::vector<DeviceFacts>& devices,
                 std::chrono::milliseconds its_patience = patience);

    // When to look() next; nothing: all is well, or nobody's business any more.
    std::optional<Clock::time_point> due() const { return due_; }
    void look(Domid domid);
    // The guest is another domain now, with cards that libxl made.
    void end();

private:
    enum class Done { nothing, repair, warning };

    Host& host_;
    StatusBoard& board_;
    Log& log_;
    const std::chrono::milliseconds patience_;
    std::vector<DeviceFacts> cards_;
    Done done_ = Done::nothing;
    std::optional<Clock::time_point> due_;
};

}  // namespace xl_colo
