// Times of day as JSON has them: microseconds since 1970 UTC.
#pragma once

#include <cstdint>

#include "status/status.h"

namespace xl_colo {

inline uint64_t unix_us(WallClock::time_point time)
{
    return static_cast<uint64_t>(std::chrono::duration_cast<Microseconds>(
                                     time.time_since_epoch())
                                     .count());
}

inline WallClock::time_point from_unix_us(uint64_t us)
{
    return WallClock::time_point(Microseconds(static_cast<int64_t>(us)));
}

}  // namespace xl_colo
