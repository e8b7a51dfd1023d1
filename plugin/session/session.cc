#include "session/session.h"

#include <limits>

#include "wire/frame.h"

namespace xl_colo {

namespace {

// A, or B, of the initial copy; that of a guest that was not asked.
constexpr uint64_t unknown = std::numeric_limits<uint64_t>::max();

uint64_t or_unknown(const std::optional<Pages>& pages)
{
    return pages ? pages->value() : unknown;
}

uint64_t or_unknown(const std::optional<Microseconds>& time)
{
    return time ? static_cast<uint64_t>(time->count()) : unknown;
}

template <typename T>
std::optional<T> if_known(uint64_t value)
{
    return value == unknown ? std::nullopt : std::optional<T>(T(value));
}

}  // namespace

Buffer encode_figures(const CheckpointFigures& figures)
{
    const auto taken = std::chrono::duration_cast<Microseconds>(
        figures.taken.time_since_epoch());
    return BodyWriter()
        .u64(static_cast<uint64_t>(figures.pause.count()))
        .u64(or_unknown(figures.a))
        .u64(or_unknown(figures.b))
        .u64(figures.d.value())
        .u64(figures.to_secondary.value())
        .u64(figures.to_primary.value())
        .u64(static_cast<uint64_t>(taken.count()))
        .u64(figures.left_out.value())
        .u64(figures.zeros.value())
        .u64(figures.saved.value())
        .u64(static_cast<uint64_t>(figures.suspend.count()))
        .u64(static_cast<uint64_t>(figures.resume.count()))
        .u64(static_cast<uint64_t>(figures.guest_suspend.count()))
        .u64(or_unknown(figures.acknowledge))
        .take();
}

Result<CheckpointFigures> decode_figures(View body)
{
    BodyReader reader(body);
    std::array<uint64_t, 15> words{};
    for (uint64_t& word : words) {
        auto value = reader.u64();
        if (!value) {
            return value.error().with_context("DONE");
        }
        word = *value;
    }
    CheckpointFigures figures;
    figures.number = CheckpointNumber{words[0]};
    figures.pause = Microseconds(words[1]);
    figures.a = if_known<Pages>(words[2]);
    figures.b = if_known<Pages>(words[3]);
    figures.d = Pages{words[4]};
    figures.to_secondary = Bytes{words[5]};
    figures.to_primary = Bytes{words[6]};
    figures.taken = WallClock::time_point(Microseconds(words[7]));
    figures.left_out = Pages{words[8]};
    figures.zeros = Pages{words[9]};
    figures.saved = Bytes{words[10]};
    figures.suspend = Microseconds(words[11]);
    figures.resume = Microseconds(words[12]);
    figures.guest_suspend = Microseconds(words[13]);
    figures.acknowledge = if_known<Microseconds>(words[14]);
    return figures;
}

}  // namespace xl_colo
