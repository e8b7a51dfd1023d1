// Frames that wait until the checkpoint that they belong to is committed, in
// the order in which they came.
//
// Frames lie one behind another in slabs, so that none needs an allocation of
// its own. An empty queue keeps as many as were filled between two marks: the
// kernel would have to clear each that it gave anew, which costs as much as to
// fill it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/units.h"
#include "network/hold_times.h"
#include "network/tap_frame.h"

namespace xl_colo {

// For one thread at a time. What front() gives stays where it is until pop(),
// whatever is pushed meanwhile: it may be written without the lock that the
// caller has around the calls.
class HeldFrames {
public:
    using Clock = std::chrono::steady_clock;
    using Sink = std::function<void(TapFrame)>;

    struct Figures {
        uint64_t frames = 0, bytes = 0;  // held now
        uint64_t most_frames = 0, most_bytes = 0;
        uint64_t released_frames = 0, released_bytes = 0;
        uint64_t dropped_frames = 0, dropped_bytes = 0;
    };

    // Where the next frame may be made, tap_read_size bytes: push() does not
    // copy it from there. Until the next call that is not const.
    uint8_t* space();
    // Keeps a copy. It never drops: how much there may be is for the caller to
    // look at, beforehand.
    void push(TapFrame frame, Clock::time_point now = Clock::now());

    // What was pushed until now belongs to checkpoint `number`, as far as it
    // belongs to none before. Numbers ascend; one that is the last again moves
    // its mark to here.
    void mark(CheckpointNumber number);

    // The oldest frame, if it belongs to `number` or one before.
    std::optional<TapFrame> front(CheckpointNumber number) const;
    // Takes the oldest away, as released.
    void pop(Clock::time_point now = Clock::now());

    // These take frames away and return how many: those that belong to `number`
    // or one before, in order, up to `limit`; all, in order; all, for nobody.
    uint64_t release(CheckpointNumber number, const Sink& sink,
                     uint64_t limit = UINT64_MAX);
    uint64_t release_all(const Sink& sink);
    uint64_t drop_all();

    const Figures& figures() const { return figures_; }
    // Of those that were released.
    const HoldTimes& hold_times() const { return hold_times_; }
    // That it has, in use or not.
    size_t slabs() const { return slabs_.size() + spare_.size(); }

private:
    struct Slab {
        std::unique_ptr<uint8_t[]> bytes;
        size_t used = 0;
    };
    struct Mark {
        CheckpointNumber number;
        uint64_t end;  // frames ever pushed when it was made
    };
    struct Oldest {
        View bytes;
        Clock::time_point since;
    };

    void add_slab();
    Oldest oldest() const;
    void take_oldest();

    std::deque<Slab> slabs_;
    size_t read_ = 0;       // in the first slab
    std::vector<std::unique_ptr<uint8_t[]>> spare_;
    size_t unneeded_ = 0;   // spare ones, at any time since the last mark
    uint64_t popped_ = 0;   // frames ever taken away
    std::deque<Mark> marks_;
    Figures figures_;
    HoldTimes hold_times_;
};

}  // namespace xl_colo
