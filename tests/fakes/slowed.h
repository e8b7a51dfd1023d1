// For time limits of tests that may run under a sanitizer: XL_COLO_SLOWED_BY
// says how many times slower than else that is.
#pragma once

#include <chrono>
#include <cstdlib>

namespace xl_colo {

inline std::chrono::milliseconds slowed(std::chrono::milliseconds time)
{
    const char* const by = std::getenv("XL_COLO_SLOWED_BY");
    return time * (by ? std::atoi(by) : 1);
}

}  // namespace xl_colo
