#include "session/figures_frame.h"

#include <limits>
#include <tuple>

#include "status/figures.h"
#include "wire/frame.h"

namespace xl_colo {

namespace {

// A, or B, of the initial copy; what a guest took that was not asked.
constexpr uint64_t unknown = std::numeric_limits<uint64_t>::max();

// The number, the time, and the table's figures. A new one changes the
// protocol, and the specification has to name it.
constexpr size_t words = 2 + std::tuple_size_v<decltype(figures)>;
static_assert(words * sizeof(uint64_t) == done_body_size);

}  // namespace

Buffer encode_figures(const CheckpointFigures& checkpoint)
{
    BodyWriter body;
    body.u64(checkpoint.number.value());
    body.u64(static_cast<uint64_t>(
        std::chrono::duration_cast<Microseconds>(
            checkpoint.taken.time_since_epoch())
            .count()));
    for (const Figure& figure : figures) {
        body.u64(figure.get(checkpoint).value_or(unknown));
    }
    return body.take();
}

Result<CheckpointFigures> decode_figures(View bytes)
{
    BodyReader body(bytes);
    std::array<uint64_t, words> values{};
    for (uint64_t& value : values) {
        auto word = body.u64();
        if (!word) {
            return word.error().with_context("DONE");
        }
        value = *word;
    }
    CheckpointFigures checkpoint;
    checkpoint.number = CheckpointNumber{values[0]};
    checkpoint.taken = WallClock::time_point(
        Microseconds(static_cast<int64_t>(values[1])));
    for (size_t i = 0; i < figures.size(); ++i) {
        if (values[2 + i] != unknown) {
            figures[i].set(checkpoint, values[2 + i]);
        }
    }
    return checkpoint;
}

Buffer encode_copy_pause(const std::optional<CopyPause>& pause)
{
    BodyWriter body;
    for (const auto part :
         {&CopyPause::whole, &CopyPause::suspend, &CopyPause::load}) {
        body.u64(pause ? static_cast<uint64_t>(((*pause).*part).count())
                       : unknown);
    }
    return body.take();
}

Result<std::optional<CopyPause>> decode_copy_pause(View bytes)
{
    BodyReader body(bytes);
    CopyPause pause;
    bool known = true;
    for (const auto part :
         {&CopyPause::whole, &CopyPause::suspend, &CopyPause::load}) {
        const auto word = body.u64();
        if (!word) {
            return word.error().with_context("RESUMED");
        }
        known &= *word != unknown;
        pause.*part = Microseconds(static_cast<int64_t>(*word));
    }
    return known ? std::optional(pause) : std::nullopt;
}

}  // namespace xl_colo
