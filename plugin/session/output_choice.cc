#include "session/output_choice.h"

#include <algorithm>

namespace xl_colo {

namespace {

constexpr unsigned longest_patience = 512;
// Enough that one that happened to go well or badly does not decide.
constexpr unsigned intervals_of_a_try = 2;
constexpr unsigned silent_enough = 4;
// What an interval counts of what the one after it does.
constexpr double fading = 0.75;
// Less than this is no difference to anybody.
constexpr double least_gain_us = 1000;
constexpr double least_gain = 0.25;

std::string in_ms(OutputChoice::Time time)
{
    return std::to_string(time.count() / 1000) + " ms";
}

}  // namespace

void OutputChoice::Mean::add(double its_frames, double its_total_us)
{
    frames = frames * fading + its_frames;
    total_us = total_us * fading + its_total_us;
}

// By so much that it is no chance.
bool OutputChoice::costs_less(const Mean& one, const Mean& other)
{
    if (!one.is_known() || !other.is_known()) {
        return false;
    }
    const double gain = other.us() - one.us();
    return gain >= least_gain_us && gain >= least_gain * other.us();
}

void OutputChoice::add(const Interval& interval)
{
    if (interval.output.frames == 0) {
        silent_ += silent_ < silent_enough ? 1 : 0;
        return;
    }
    silent_ = 0;
    const auto frames = static_cast<double>(interval.output.frames);
    const auto stood = static_cast<double>(interval.stood.count());
    const auto length =
        std::max(static_cast<double>(interval.length.count()), stood);
    const double waits_to_come_in =
        length > 0 ? stood * stood / (2 * length) : 0;
    means_[interval.copy_ran].add(
        frames, static_cast<double>(interval.output.waited.count()) +
                    frames * waits_to_come_in);

    Mean& others = means_[!chosen_];
    if (tried_) {
        if (interval.copy_ran != chosen_ &&
            ++*tried_ == intervals_of_a_try) {
            judge();
        }
        return;
    }
    if (interval.copy_ran != chosen_) {
        return;
    }
    ++since_try_;
    ++age_;
    const bool looks_worse = costs_less(others, means_[chosen_]);
    if (since_try_ >= (looks_worse
                           ? std::max(first_patience, patience_ / 8)
                           : patience_)) {
        tried_ = 0;
        others = {};  // it is as it is now
    }
}

void OutputChoice::judge()
{
    const bool changes = costs_less(means_[!chosen_], means_[chosen_]);
    // A choice that does not last is looked into ever more rarely.
    patience_ = changes && age_ >= longest_patience
                    ? first_patience
                    : std::min(2 * patience_, longest_patience);
    age_ = changes ? 0 : age_;
    chosen_ = changes != chosen_;
    tried_.reset();
    since_try_ = 0;
}

OutputChoice::Because OutputChoice::because() const
{
    if (silent_ >= silent_enough) {
        return Because::silent;
    }
    return tried_ ? Because::tried : Because::chosen;
}

bool OutputChoice::copy_runs() const
{
    switch (because()) {
    case Because::silent:
        return false;
    case Because::tried:
        return !chosen_;
    case Because::chosen:
        break;
    }
    return chosen_;
}

std::optional<OutputChoice::Time> OutputChoice::cost(bool copy_runs) const
{
    const Mean& mean = means_[copy_runs];
    if (!mean.is_known()) {
        return std::nullopt;
    }
    return Time(static_cast<int64_t>(mean.us()));
}

std::string OutputChoice::why() const
{
    switch (because()) {
    case Because::silent:
        return "the guest sends nothing";
    case Because::tried:
        return "to measure that, too";
    case Because::chosen:
        break;
    }
    const auto where_it_runs = cost(true), where_it_stands = cost(false);
    if (!where_it_runs || !where_it_stands) {
        return "the other has not been measured yet";
    }
    return "an answer waits " + in_ms(*where_it_runs) +
           " where the copy runs, " + in_ms(*where_it_stands) +
           " where it stands";
}

}  // namespace xl_colo
