// How long a checkpoint takes: what the primary notes while it lasts, and the
// figures that come of it. No thread of its own, no clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/units.h"
#include "hypervisor/domain.h"
#include "relay/stream_to_wire.h"
#include "status/status.h"

namespace xl_colo {

// What the secondary says of its copy's standstill, in RESUMED.
struct CopyPause {
    Microseconds whole{};    // suspension begun to copy running
    Microseconds suspend{};  // of it, until it stood
    Microseconds load{};     // of it, from COMMITTED to READY
};

// One checkpoint, in the order in which it becomes known.
struct CheckpointNotes {
    using TimePoint = Suspension::Clock::time_point;

    CheckpointNumber number;
    std::string because;       // it was begun, in a few words
    TimePoint begun;           // to suspend the primary's guest
    Suspension suspension;     // how that went
    TimePoint stood;           // its devices, too
    std::optional<Pages> a, b; // not known of the initial copy
    TimePoint copied;          // libxc has written all
    std::optional<Microseconds> disk_wait;  // after that, for KEPT; if awaited
    TimePoint may_run;         // the primary's guest
    TimePoint resumed;         // it runs
    SentPages sent;
    TimePoint all_sent;        // but for the device state
    TimePoint committed;
    TimePoint ran;             // both guests
    std::optional<CopyPause> copy;   // not known of the initial copy
    Bytes to_secondary, to_primary;  // since the checkpoint before
};

// `now` is one moment by two clocks: when the checkpoint was taken is told by
// the wall's.
CheckpointFigures figures_of(const CheckpointNotes& notes,
                             CheckpointNotes::TimePoint now,
                             WallClock::time_point wall_now);

// What a counter that only grows has grown by.
class Growth {
public:
    Bytes since_last(Bytes total);

private:
    Bytes before_;
};

}  // namespace xl_colo
