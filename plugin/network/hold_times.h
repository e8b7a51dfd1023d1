// How long frames have waited, in a few hundred counts: each is of times that
// differ by an eighth at most.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace xl_colo {

// For one thread at a time.
class HoldTimes {
public:
    using Time = std::chrono::microseconds;

    void add(Time time)
    {
        longest_ = std::max(longest_, time);
        counts_[place_of(time)] += 1;
    }
    void add(const HoldTimes& others)
    {
        longest_ = std::max(longest_, others.longest_);
        for (size_t i = 0; i < counts_.size(); ++i) {
            counts_[i] += others.counts_[i];
        }
    }

    // Of none: 0.
    Time longest() const { return longest_; }
    // Half of them waited less; up to an eighth too small.
    Time median() const
    {
        uint64_t frames = 0;
        for (const uint64_t count : counts_) {
            frames += count;
        }
        uint64_t before = 0;
        for (size_t i = 0; i < counts_.size(); ++i) {
            before += counts_[i];
            if (2 * before > frames) {
                return least_of(i);
            }
        }
        return {};
    }

private:
    // Up to 2^40 us, twelve days; eight counts from each power of two to the
    // next.
    static constexpr size_t places = (40 - 2) * 8;

    static size_t place_of(Time time)
    {
        const auto us = static_cast<uint64_t>(std::max(time, Time{0}).count());
        const int shift = us < 8 ? 0 : std::bit_width(us) - 4;
        return std::min<size_t>(shift * 8 + (us >> shift), places - 1);
    }
    static Time least_of(size_t place)
    {
        if (place < 16) {
            return Time(place);
        }
        return Time((8 + place % 8) << (place / 8 - 1));
    }

    std::array<uint64_t, places> counts_{};
    Time longest_{0};
};

}  // namespace xl_colo
