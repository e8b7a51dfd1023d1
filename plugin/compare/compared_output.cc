#include "compare/compared_output.h"

#include <algorithm>

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
                  {sink_,
                   [this, mapped = std::move(mapped)](
                       const SequenceMapping& mapping) {
                       mapped(marked_, mapping);
                   }})
{
}

void ComparedOutput::put(TapFrame frame, Clock::time_point now)
{
    comparison_.from_primary(frame, now);
}

void ComparedOutput::mark(CheckpointNumber number)
{
    comparison_.mark(number);
    marked_ = number;
    connected_.reset();
}

void ComparedOutput::release(CheckpointNumber number)
{
    comparison_.release(number);
}

void ComparedOutput::release_all()
{
    comparison_.release_all();
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
    return {all.frames, all.bytes, all.confirmed_frames + all.not_compared,
            all.committed_frames, {}};
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
