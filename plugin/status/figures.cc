#include "status/figures.h"

#include <algorithm>
#include <vector>

namespace xl_colo {

namespace {

std::optional<uint64_t> count_of(const std::optional<Pages>& pages)
{
    return pages ? std::optional(pages->value()) : std::nullopt;
}

std::optional<uint64_t> count_of(std::optional<Microseconds> time)
{
    return time ? std::optional(static_cast<uint64_t>(time->count()))
                : std::nullopt;
}

Microseconds microseconds(uint64_t count)
{
    return Microseconds(static_cast<int64_t>(count));
}

std::vector<uint64_t> known(const Figure& figure, const SessionStatus& status)
{
    std::vector<uint64_t> values;
    for (const CheckpointFigures& checkpoint : status.recent) {
        if (const auto value = figure.get(checkpoint)) {
            values.push_back(*value);
        }
    }
    return values;
}

}  // namespace

using Checkpoint = CheckpointFigures;
using Value = std::optional<uint64_t>;

const std::array<Figure, 23> figures{{
    {"pause-us", "pause", FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.pause); },
     [](Checkpoint& c, uint64_t v) { c.pause = microseconds(v); }},
    {"acknowledge-us", "of it, until the guest began", FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.acknowledge); },
     [](Checkpoint& c, uint64_t v) { c.acknowledge = microseconds(v); }},
    {"guest-suspend-us", "of it, until the guest stood",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.guest_suspend); },
     [](Checkpoint& c, uint64_t v) { c.guest_suspend = microseconds(v); }},
    {"suspend-us", "of it, until its devices stood", FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.suspend); },
     [](Checkpoint& c, uint64_t v) { c.suspend = microseconds(v); }},
    {"copy-us", "of it, to copy its pages",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.copy); },
     [](Checkpoint& c, uint64_t v) { c.copy = microseconds(v); }},
    {"buffer-wait-us", "of that, waiting for the buffer",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.buffer_wait); },
     [](Checkpoint& c, uint64_t v) { c.buffer_wait = microseconds(v); }},
    {"disk-wait-us", "of it, waiting for the disks",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.disk_wait); },
     [](Checkpoint& c, uint64_t v) { c.disk_wait = microseconds(v); }},
    {"resume-us", "of it, to resume",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.resume); },
     [](Checkpoint& c, uint64_t v) { c.resume = microseconds(v); }},
    {"commit-us", "until committed",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.commit); },
     [](Checkpoint& c, uint64_t v) { c.commit = microseconds(v); }},
    {"send-us", "of it, until all was sent",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.send); },
     [](Checkpoint& c, uint64_t v) { c.send = microseconds(v); }},
    {"both-run-us", "until both ran",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.both_run); },
     [](Checkpoint& c, uint64_t v) { c.both_run = microseconds(v); }},
    {"copy-pause-us", "the copy's pause",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.copy_pause); },
     [](Checkpoint& c, uint64_t v) { c.copy_pause = microseconds(v); }},
    {"copy-suspend-us", "of it, until it stood",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.copy_suspend); },
     [](Checkpoint& c, uint64_t v) { c.copy_suspend = microseconds(v); }},
    {"copy-load-us", "of it, to put the checkpoint in",
     FigureUnit::microseconds,
     [](const Checkpoint& c) { return count_of(c.copy_load); },
     [](Checkpoint& c, uint64_t v) { c.copy_load = microseconds(v); }},
    {"a-pages", "|A|, dirtied by the primary", FigureUnit::pages,
     [](const Checkpoint& c) { return count_of(c.a); },
     [](Checkpoint& c, uint64_t v) { c.a = Pages{v}; }},
    {"b-pages", "|B|, dirtied by the secondary", FigureUnit::pages,
     [](const Checkpoint& c) { return count_of(c.b); },
     [](Checkpoint& c, uint64_t v) { c.b = Pages{v}; }},
    {"d-pages", "|D|, dirtied by either", FigureUnit::pages,
     [](const Checkpoint& c) -> Value { return c.d.value(); },
     [](Checkpoint& c, uint64_t v) { c.d = Pages{v}; }},
    {"left-out-pages", "of |D|, the same on both", FigureUnit::pages,
     [](const Checkpoint& c) -> Value { return c.left_out.value(); },
     [](Checkpoint& c, uint64_t v) { c.left_out = Pages{v}; }},
    {"zero-pages", "of |D|, sent as zero", FigureUnit::pages,
     [](const Checkpoint& c) -> Value { return c.zeros.value(); },
     [](Checkpoint& c, uint64_t v) { c.zeros = Pages{v}; }},
    {"saved-bytes", "bytes saved by both", FigureUnit::bytes,
     [](const Checkpoint& c) -> Value { return c.saved.value(); },
     [](Checkpoint& c, uint64_t v) { c.saved = Bytes{v}; }},
    {"copied-bytes", "bytes copied first", FigureUnit::bytes,
     [](const Checkpoint& c) -> Value { return c.copied.value(); },
     [](Checkpoint& c, uint64_t v) { c.copied = Bytes{v}; }},
    {"to-secondary-bytes", "bytes to the secondary", FigureUnit::bytes,
     [](const Checkpoint& c) -> Value { return c.to_secondary.value(); },
     [](Checkpoint& c, uint64_t v) { c.to_secondary = Bytes{v}; }},
    {"to-primary-bytes", "bytes to the primary", FigureUnit::bytes,
     [](const Checkpoint& c) -> Value { return c.to_primary.value(); },
     [](Checkpoint& c, uint64_t v) { c.to_primary = Bytes{v}; }},
}};

std::optional<uint64_t> median_of(const Figure& figure,
                                  const SessionStatus& status)
{
    auto values = known(figure, status);
    if (values.empty()) {
        return std::nullopt;
    }
    const auto middle =
        values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

std::optional<uint64_t> max_of(const Figure& figure,
                               const SessionStatus& status)
{
    const auto values = known(figure, status);
    if (values.empty()) {
        return std::nullopt;
    }
    return *std::max_element(values.begin(), values.end());
}

}  // namespace xl_colo
