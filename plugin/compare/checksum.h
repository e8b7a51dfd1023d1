// The Internet checksum (RFC 1071), and what a change does to it (RFC 1624).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace xl_colo {

// Adds big-endian words up; an odd byte at the end counts as a high one. Of up
// to 64 KiB in all.
uint32_t add_words(View bytes, uint32_t sum = 0);
uint16_t checksum_of(uint32_t sum);

// For a checksum that is right already: it stays as right or wrong as it was.
class ChecksumChange {
public:
    // A number that begins `at` bytes behind the start of what is summed up.
    void replace(size_t at, uint32_t before, uint32_t after);
    // `checksum`: its two bytes.
    void apply(uint8_t* checksum) const;

private:
    uint32_t sum_ = 0;  // up to some thousand replacements
};

}  // namespace xl_colo
