// The man in the middle: a relay between two sockets that sees where one frame
// ends and the next begins, and does to them what it is told. One thread.
#pragma once

#include <chrono>
#include <functional>

#include "base/unique_fd.h"
#include "base/units.h"
#include "fault.h"
#include "frame_name.h"

namespace xl_colo::campaign {

class Mitm {
public:
    using Clock = std::chrono::steady_clock;

    // What becomes of one frame, and of what comes after it.
    struct Passage {
        unsigned times = 1;              // that it is passed on
        std::optional<size_t> only;      // so many of its bytes
        std::optional<size_t> flip;      // this bit of it
        enum class Then {
            go_on,
            close,       // both directions, once what was passed on is out
            half_close,  // this one
            hold,        // this one stands still until `until`
            hold_both,
        } then = Then::go_on;
        Clock::time_point until = Clock::time_point::max();
    };
    // Called for each frame when all of it is here and nothing of it has been
    // passed on.
    using OnFrame = std::function<Passage(const FrameName&, Extent)>;

    // The sockets to the two sides.
    Mitm(UniqueFd primary, UniqueFd secondary, OnFrame on_frame);

    // Passes on what there is, and waits for it no longer than that.
    void turn(std::chrono::milliseconds patience);
    // Whether a direction stands still for a while that is not over.
    bool holds() const;

private:
    struct Direction {
        Direction(Role from, UniqueFd& source, UniqueFd& target)
            : namer(from), in(source), out(target)
        {
        }
        FrameNamer namer;
        UniqueFd& in;
        UniqueFd& out;
        Buffer coming;       // less than a frame
        Buffer going;
        size_t gone = 0;     // of `going`
        bool checked = false;  // frames have a check behind them
        bool ended = false;    // nothing more comes
        bool closes = false;   // when `going` is out, `out` is told of an end
        bool closed = false;
        Clock::time_point held_until = Clock::time_point::min();

        bool held() const { return Clock::now() < held_until; }
        bool full() const;
    };

    void read(Direction& d, Direction& back);
    void take_frames(Direction& d, Direction& back);
    void carry_out(const Passage& passage, View frame, Direction& d,
                   Direction& back);
    void write(Direction& d);

    UniqueFd primary_, secondary_;
    OnFrame on_frame_;
    Direction forth_, back_;
    bool cut_ = false;  // both are closed once forth_ and back_ are out
};

}  // namespace xl_colo::campaign
