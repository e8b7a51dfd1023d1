// Bytes that nobody can guess.
#pragma once

#include "base/units.h"

namespace xl_colo {

// Of the kernel's random source; at most 256. Throws std::system_error where
// there is none.
Buffer random_bytes(size_t size);

}  // namespace xl_colo
