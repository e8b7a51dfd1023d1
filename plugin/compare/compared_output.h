// Output that goes out as soon as the copy has put out the same, and otherwise
// with its checkpoint; which it wishes for when the two differ, or when the
// copy has not done so in time.
//
// Where the copy stands from one checkpoint to the next it is output commit:
// all waits for its checkpoint, and wishes for it at once.
#pragma once

#include <deque>

#include "compare/comparison.h"
#include "devices/output_felt.h"
#include "network/output_queue.h"

namespace xl_colo {

class ComparedOutput : public OutputQueue {
public:
    // See Comparison::Listener; of the copy as that checkpoint has made it.
    using Mapped =
        std::function<void(CheckpointNumber, const SequenceMapping&)>;

    // `timeout`: how long a frame waits for a copy that is connected; ten times
    // that for one that is not yet.
    ComparedOutput(Sink sink, std::chrono::milliseconds timeout, View hash_key,
                   Mapped mapped);

    void put(TapFrame frame, Clock::time_point now) override;
    void mark(CheckpointNumber number) override;
    uint64_t release(CheckpointNumber number, uint64_t limit) override;
    void release_all() override;
    std::optional<Wish> wish() const override;
    Figures figures() const override;
    // Not with the time that a mapping takes.
    Waits waits() const override { return waits_; }
    // With that.
    OutputFelt felt() const;

    // Whether the copy runs, as the last checkpoint has made it; after its
    // mark(), while the guest stands. One that stands says nothing: what
    // seems to come from it confirms nothing. It runs until this is called.
    void set_copy_runs(bool runs) { copy_runs_ = runs; }

    // The copy, as the last checkpoint has made it: sends that; gets what the
    // guest gets, from now on; wants to know a neighbour's address, which the
    // guest's host asks for in its place. Anything but such a question is
    // dropped.
    void from_copy(TapFrame frame)
    {
        if (copy_runs_) {
            comparison_.from_copy(frame);
        }
    }
    // Its host has the oldest mapping that it had not yet.
    void mapping_arrives();
    void copy_connects(Clock::time_point now) { connected_ = now; }
    void ask_wire(TapFrame question);

    // In words, for the status: what differed until now.
    std::string differences() const;

private:
    void let_out(TapFrame frame);
    void count_wait(Comparison::Left how, Clock::time_point since);

    struct Delayed {
        std::optional<CheckpointNumber> number;  // none yet
        Buffer frame;
        Clock::time_point since;
    };
    void let_out(const Delayed& delayed);

    const Sink sink_;
    const std::chrono::milliseconds timeout_;
    CheckpointNumber marked_;
    bool copy_runs_ = true;
    uint64_t passed_ = 0;  // beside a copy that stood
    // The copy has put out the same, but its host could not understand an
    // answer yet: frames for which a mapping is on its way.
    bool mapping_made_ = false;
    std::deque<Delayed> delayed_;
    uint64_t delayed_bytes_ = 0;
    Waits waits_;
    std::chrono::microseconds waited_{};  // of all that has left
    Comparison comparison_;
    std::optional<Clock::time_point> connected_;  // since the last mark
};

}  // namespace xl_colo
