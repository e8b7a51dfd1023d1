// What is measured of each checkpoint, as one table, so that the text, the JSON
// and its reader name the same things in the same order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "status/status.h"

namespace xl_colo {

enum class FigureUnit { microseconds, pages, bytes };

struct Figure {
    const char* key;    // in JSON, with its unit
    const char* label;  // in the text
    FigureUnit unit;
    std::optional<uint64_t> (*get)(const CheckpointFigures&);
    void (*set)(CheckpointFigures&, uint64_t);
};

extern const std::array<Figure, 23> figures;

// Over the recent checkpoints of which the figure is known; nothing where there
// is none. The median of an even number is the greater of the middle two.
std::optional<uint64_t> median_of(const Figure& figure,
                                  const SessionStatus& status);
std::optional<uint64_t> max_of(const Figure& figure,
                               const SessionStatus& status);

}  // namespace xl_colo
