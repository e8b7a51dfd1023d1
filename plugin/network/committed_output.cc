#include "network/committed_output.h"

#include "network/neighbour.h"

namespace xl_colo {

void CommittedOutput::put(TapFrame frame, Clock::time_point now)
{
    if (must_not_wait(frame)) {
        ++at_once_;
        sink_(frame);
        return;
    }
    held_.push(frame, now);
    if (!waits_since_) {
        waits_since_ = now;
    }
}

void CommittedOutput::mark(CheckpointNumber number)
{
    held_.mark(number);
    waits_since_.reset();
}

uint64_t CommittedOutput::release(CheckpointNumber number, uint64_t limit)
{
    return held_.release(number, sink_, limit);
}

void CommittedOutput::release_all()
{
    held_.release_all(sink_);
    waits_since_.reset();
}

std::optional<OutputQueue::Wish> CommittedOutput::wish() const
{
    if (!waits_since_) {
        return std::nullopt;
    }
    return Wish{*waits_since_, "output waits"};
}

OutputQueue::Figures CommittedOutput::figures() const
{
    const HeldFrames::Figures& held = held_.figures();
    return {held.frames, held.bytes, at_once_, held.released_frames};
}

}  // namespace xl_colo
