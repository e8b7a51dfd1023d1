#include "network/held_frames.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace xl_colo {

namespace {

// In front of each frame in a slab.
struct Heading {
    HeldFrames::Clock::time_point since;
    size_t size;
};

// Some 15 frames of the longest kind, and 700 of the usual one.
constexpr size_t slab_size = 1 << 20;
constexpr size_t most_of_a_frame = sizeof(Heading) + tap_read_size;
static_assert(slab_size >= most_of_a_frame);

}  // namespace

void HeldFrames::add_slab()
{
    if (spare_.empty()) {
        // Not set to zero: nothing reads what is not written before.
        slabs_.push_back({std::unique_ptr<uint8_t[]>(new uint8_t[slab_size])});
        return;
    }
    slabs_.push_back({std::move(spare_.back())});
    spare_.pop_back();
    unneeded_ = std::min(unneeded_, spare_.size());
}

uint8_t* HeldFrames::space()
{
    if (slabs_.empty() || slab_size - slabs_.back().used < most_of_a_frame) {
        add_slab();
    }
    Slab& slab = slabs_.back();
    return &slab.bytes[slab.used + sizeof(Heading)];
}

void HeldFrames::push(TapFrame frame, Clock::time_point now)
{
    const View bytes = frame.bytes();
    uint8_t* const to = space();
    if (bytes.data() != to) {
        std::memmove(to, bytes.data(), bytes.size());
    }
    const Heading heading{now, bytes.size()};
    std::memcpy(to - sizeof(heading), &heading, sizeof(heading));
    slabs_.back().used += sizeof(heading) + bytes.size();
    figures_.frames += 1;
    figures_.bytes += bytes.size();
    figures_.most_frames = std::max(figures_.most_frames, figures_.frames);
    figures_.most_bytes = std::max(figures_.most_bytes, figures_.bytes);
}

void HeldFrames::mark(CheckpointNumber number)
{
    spare_.resize(spare_.size() - unneeded_);
    unneeded_ = spare_.size();
    const uint64_t end = popped_ + figures_.frames;
    if (!marks_.empty() && marks_.back().number >= number) {
        marks_.back().end = end;
        return;
    }
    marks_.push_back({number, end});
}

HeldFrames::Oldest HeldFrames::oldest() const
{
    const uint8_t* at = &slabs_.front().bytes[read_];
    Heading heading;
    std::memcpy(&heading, at, sizeof(heading));
    return {View(at + sizeof(heading), heading.size), heading.since};
}

void HeldFrames::take_oldest()
{
    const size_t size = oldest().bytes.size();
    figures_.frames -= 1;
    figures_.bytes -= size;
    popped_ += 1;
    while (marks_.size() > 1 && marks_.front().end <= popped_) {
        marks_.pop_front();
    }
    read_ += sizeof(Heading) + size;
    if (read_ < slabs_.front().used) {
        return;
    }
    read_ = 0;
    if (slabs_.size() > 1) {
        spare_.push_back(std::move(slabs_.front().bytes));
        slabs_.pop_front();
    } else {
        slabs_.front().used = 0;
    }
}

std::optional<TapFrame> HeldFrames::front(CheckpointNumber number) const
{
    const auto past = std::ranges::find_if(
        marks_, [&](const Mark& mark) { return mark.number > number; });
    if (figures_.frames == 0 || past == marks_.begin() ||
        std::prev(past)->end <= popped_) {
        return std::nullopt;
    }
    return TapFrame(oldest().bytes);
}

void HeldFrames::pop(Clock::time_point now)
{
    const Oldest taken = oldest();
    figures_.released_frames += 1;
    figures_.released_bytes += taken.bytes.size();
    hold_times_.add(
        std::chrono::duration_cast<HoldTimes::Time>(now - taken.since));
    take_oldest();
}

uint64_t HeldFrames::release(CheckpointNumber number, const Sink& sink,
                             uint64_t limit)
{
    uint64_t released = 0;
    for (; released < limit; ++released) {
        const auto frame = front(number);
        if (!frame) {
            break;
        }
        sink(*frame);
        pop();
    }
    return released;
}

uint64_t HeldFrames::release_all(const Sink& sink)
{
    const uint64_t released = figures_.frames;
    while (figures_.frames > 0) {
        sink(TapFrame(oldest().bytes));
        pop();
    }
    return released;
}

uint64_t HeldFrames::drop_all()
{
    const uint64_t dropped = figures_.frames;
    figures_.dropped_frames += dropped;
    figures_.dropped_bytes += figures_.bytes;
    while (figures_.frames > 0) {
        take_oldest();
    }
    return dropped;
}

}  // namespace xl_colo
