// Output commit: a frame waits for the checkpoint in which the guest has sent
// it. ARP and IPv6's neighbour discovery do not, see network/neighbour.h.
#pragma once

#include "network/held_frames.h"
#include "network/output_queue.h"

namespace xl_colo {

class CommittedOutput : public OutputQueue {
public:
    explicit CommittedOutput(Sink sink) : sink_(std::move(sink)) {}

    uint8_t* space() override { return held_.space(); }
    void put(TapFrame frame, Clock::time_point now) override;
    void mark(CheckpointNumber number) override;
    uint64_t release(CheckpointNumber number, uint64_t limit) override;
    void release_all() override;
    std::optional<Wish> wish() const override;
    Figures figures() const override;
    Waits waits() const override { return {{}, held_.hold_times()}; }

private:
    const Sink sink_;
    HeldFrames held_;
    std::optional<Clock::time_point> waits_since_;  // of no checkpoint yet
    uint64_t at_once_ = 0;
};

inline std::unique_ptr<OutputQueue> make_committed_output(
    OutputQueue::Sink sink)
{
    return std::make_unique<CommittedOutput>(std::move(sink));
}

}  // namespace xl_colo
