// Where a guest's output waits, and what decides when a frame of it goes out:
// its checkpoint (committed_output.h), or what the copy puts out, too
// (compare/compared_output.h).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/units.h"
#include "network/hold_times.h"
#include "network/tap_frame.h"

namespace xl_colo {

// For one thread at a time.
class OutputQueue {
public:
    using Clock = std::chrono::steady_clock;
    // Takes a frame that goes out now. The frame lives until it returns.
    using Sink = std::function<void(TapFrame)>;
    using Maker = std::function<std::unique_ptr<OutputQueue>(Sink)>;

    // That a checkpoint begin at that time, and why, in a few words.
    struct Wish {
        Clock::time_point at;
        std::string why;
    };
    struct Figures {
        uint64_t frames = 0, bytes = 0;  // that wait now
        uint64_t at_once = 0;            // frames that waited for no checkpoint
        uint64_t committed = 0;          // frames that went out with theirs
    };
    // Of those that had to wait: until the copy put out the same, until their
    // checkpoint.
    struct Waits {
        HoldTimes confirmed, committed;
    };

    virtual ~OutputQueue() = default;

    // Where the next frame may be read to, tap_read_size bytes, so that put()
    // need not copy it; or null, where that is of no use. Until the next call.
    virtual uint8_t* space() { return nullptr; }
    // The guest has sent it, `now`. It never drops.
    virtual void put(TapFrame frame, Clock::time_point now) = 0;
    // What waits belongs to checkpoint `number`, as far as it belongs to none
    // before. Numbers ascend; one that is the last again takes in more.
    virtual void mark(CheckpointNumber number) = 0;
    // What belongs to `number` or one before goes out, in its order, up to
    // `limit` frames: how many; all does.
    virtual uint64_t release(CheckpointNumber number, uint64_t limit) = 0;
    virtual void release_all() = 0;

    // Since the last mark.
    virtual std::optional<Wish> wish() const = 0;
    virtual Figures figures() const = 0;
    virtual Waits waits() const = 0;
};

}  // namespace xl_colo
