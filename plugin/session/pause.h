// The pause of a checkpoint: what the primary notes while it lasts, and the
// figures that come of it. No thread of its own, no clock.
#pragma once

#include <chrono>
#include <optional>

#include "base/units.h"
#include "hypervisor/domain.h"
#include "relay/stream_to_wire.h"
#include "status/status.h"

namespace xl_colo {

// One checkpoint, in the order in which it becomes known.
struct CheckpointNotes {
    using TimePoint = Suspension::Clock::time_point;

    CheckpointNumber number;
    TimePoint begun;           // to suspend the primary's guest
    Suspension suspension;     // how that went
    TimePoint stood;           // its devices, too
    std::optional<Pages> a, b; // not known of the initial copy
    SentPages sent;
    TimePoint may_run;         // both guests
    TimePoint ran;             // both guests
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
