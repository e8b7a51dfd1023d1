// --output=auto: whether the copy runs from one checkpoint to the next, chosen
// by what those outside feel of either.
//
// Two things keep an answer from them. What the guest sends is held: until the
// copy has sent the same, or until its checkpoint is committed. And a question
// that comes while the guest stands waits until it goes on: of questions that
// come at any time, half of the standstill for the part of the time that it
// takes. The mean of both, frame by frame, is what a mode costs. At which rate
// of checkpoints one of them costs less than the other says docs/network.md.
//
// The copy stands at first. The other mode is tried after 4 checkpoints, and is
// chosen if it costs clearly less. Each time that it does not, the next try
// comes after twice as many, up to 512; likewise after a change, if what was
// given up had not lasted for 512. It comes sooner when the one in use has come
// to cost more than the other did. A guest that sends nothing feels neither:
// its copy stands, as one that runs dirties pages.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "devices/output_felt.h"

namespace xl_colo {

// No clock. For one thread at a time.
class OutputChoice {
public:
    using Time = std::chrono::microseconds;

    // From one checkpoint to the next, once all has left that was sent in it.
    struct Interval {
        bool copy_ran;
        OutputFelt output;
        Time stood;   // the guest, for the checkpoint at its end
        Time length;  // from when it stood for one to when it did for the next
    };
    // In their order. The last one's figures may come after the next one has
    // begun: not all that was sent in it has left by then.
    void add(const Interval& interval);
    // For the interval that begins.
    bool copy_runs() const;

    enum class Because { chosen, tried, silent };
    Because because() const;
    // What has been chosen by measuring, tried or silent now or not.
    bool chosen_runs() const { return chosen_; }
    // Of a frame, where the copy runs, or stands; not known before that was
    // measured.
    std::optional<Time> cost(bool copy_runs) const;
    // In words: why it is as copy_runs() says.
    std::string why() const;

private:
    // Of the last few intervals most.
    struct Mean {
        double frames = 0, total_us = 0;
        void add(double its_frames, double its_total_us);
        bool is_known() const { return frames > 0; }
        double us() const { return total_us / frames; }
    };
    static constexpr unsigned first_patience = 4;
    static bool costs_less(const Mean& one, const Mean& other);
    void judge();

    std::array<Mean, 2> means_;  // where the copy stands; runs
    bool chosen_ = false;
    std::optional<unsigned> tried_;  // the other is being: intervals measured
    unsigned since_try_ = 0;         // intervals with output
    unsigned patience_ = first_patience;  // until the next try
    unsigned age_ = 0;         // of the choice: intervals with output
    unsigned silent_ = 0;            // intervals without output
};

}  // namespace xl_colo
