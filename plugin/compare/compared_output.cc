#include "compare/compared_output.h"

#include <algorithm>
#include <utility>

#include "network/neighbour.h"

namespace xl_colo {

namespace {

// A copy that is to connect has to make its rings first, and to be told of it.
constexpr int connecting_factor = 10;

}  // namespace

ComparedOutput::ComparedOutput(Sink sink, std::chrono::milliseconds timeout,
                               View hash_key, Mapped mapped)
    : sink_(std::move(sink)),
      timeout_(timeout),
      comparison_({}, hash_key,
                  {[this](TapFrame frame) { let_out(frame); },
                   [this, mapped = std::move(mapped)](
                       const SequenceMapping& mapping) {
                       mapping_made_ = true;
                       mapped(marked_, mapping);
                   },
                   [this](Comparison::Left how, Clock::time_point since) {
                       count_wait(how, since);
                   }})
{
}

void ComparedOutput::count_wait(Comparison::Left how, Clock::time_point since)
{
    HoldTimes& times = how == Comparison::Left::confirmed ? waits_.confirmed
                                                          : waits_.committed;
    const auto waited =
        std::chrono::duration_cast<HoldTimes::Time>(Clock::now() - since);
    times.add(waited);
    waited_ += waited;
}

// A mapping comes just before the frame that it is for.
void ComparedOutput::let_out(TapFrame frame)
{
    if (!std::exchange(mapping_made_, false)) {
        sink_(frame);
        return;
    }
    const View bytes = frame.bytes();
    delayed_.push_back(
        {std::nullopt, {bytes.begin(), bytes.end()}, Clock::now()});
    delayed_bytes_ += bytes.size();
}

// One that is about to be delayed no more.
void ComparedOutput::let_out(const Delayed& delayed)
{
    delayed_bytes_ -= delayed.frame.size();
    waited_ += std::chrono::duration_cast<std::chrono::microseconds>(
        Clock::now() - delayed.since);
    sink_(TapFrame(delayed.frame));
}

void ComparedOutput::mapping_arrives()
{
    const auto oldest = std::ranges::find_if(
        delayed_, [](const Delayed& delayed) { return !delayed.number; });
    if (oldest != delayed_.end()) {
        let_out(*oldest);
        delayed_.erase(oldest);
    }
}

void ComparedOutput::put(TapFrame frame, Clock::time_point now)
{
    if (copy_runs_) {
        comparison_.from_primary(frame, now);
    } else if (must_not_wait(frame)) {
        ++passed_;
        sink_(frame);
    } else {
        comparison_.hold(frame, now);
    }
}

void ComparedOutput::mark(CheckpointNumber number)
{
    comparison_.mark(number);
    for (Delayed& delayed : delayed_) {
        delayed.number = delayed.number.value_or(number);
    }
    marked_ = number;
    connected_.reset();
}

uint64_t ComparedOutput::release(CheckpointNumber number, uint64_t limit)
{
    uint64_t released = 0;
    for (; released < limit && !delayed_.empty() && delayed_.front().number &&
           *delayed_.front().number <= number; ++released) {
        let_out(delayed_.front());
        delayed_.pop_front();
    }
    return released + comparison_.release(number, limit - released);
}

void ComparedOutput::release_all()
{
    mark(CheckpointNumber{UINT64_MAX});
    release(CheckpointNumber{UINT64_MAX}, UINT64_MAX);
}

void ComparedOutput::ask_wire(TapFrame question)
{
    if (must_not_wait(question)) {
        sink_(question);
    }
}

std::optional<OutputQueue::Wish> ComparedOutput::wish() const
{
    if (const auto& difference = comparison_.difference()) {
        return Wish{Clock::time_point::min(),
                    std::string("output differs: ") +
                        to_string(difference->protocol) + ", " +
                        difference->why};
    }
    const auto since = comparison_.waiting_since();
    if (!since) {
        return std::nullopt;
    }
    if (!copy_runs_) {
        return Wish{*since, "output waits"};
    }
    if (!connected_) {
        return Wish{*since + connecting_factor * timeout_,
                    "output waits for a copy whose card is not connected"};
    }
    return Wish{std::max(*since, *connected_) + timeout_,
                "the copy has not sent the same within " +
                    std::to_string(timeout_.count()) + " ms"};
}

OutputQueue::Figures ComparedOutput::figures() const
{
    const Comparison::Figures all = comparison_.figures();
    return {all.frames + delayed_.size(), all.bytes + delayed_bytes_,
            all.confirmed_frames + all.not_compared + passed_,
            all.committed_frames};
}

OutputFelt ComparedOutput::felt() const
{
    const Comparison::Figures all = comparison_.figures();
    return {all.confirmed_frames + all.committed_frames, waited_};
}

std::string ComparedOutput::differences() const
{
    const Comparison::Figures all = comparison_.figures();
    std::string text;
    for (size_t i = 0; i < protocols; ++i) {
        if (all.differences[i] > 0) {
            text += (text.empty() ? "" : ", ") +
                    std::to_string(all.differences[i]) + " " +
                    to_string(static_cast<Protocol>(i));
        }
    }
    return text.empty() ? "none" : text;
}

}  // namespace xl_colo
