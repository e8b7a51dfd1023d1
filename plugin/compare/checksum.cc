#include "compare/checksum.h"

#include <utility>

#include "base/bytes.h"

namespace xl_colo {

namespace {

uint32_t folded(uint32_t sum)
{
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

}  // namespace

uint32_t add_words(View bytes, uint32_t sum)
{
    for (; bytes.size() > 1; bytes = bytes.subspan(2)) {
        sum += load_big<uint16_t>(bytes.data());
    }
    return bytes.empty() ? sum : sum + uint32_t{bytes[0]} * 256;
}

uint16_t checksum_of(uint32_t sum)
{
    return static_cast<uint16_t>(~folded(sum));
}

void ChecksumChange::replace(size_t at, uint32_t before, uint32_t after)
{
    uint32_t change = folded((~before >> 16) + (~before & 0xffff) +
                             (after >> 16) + (after & 0xffff));
    if (at % 2 != 0) {
        // Its bytes lie in the other halves of the words.
        change = (change << 8 | change >> 8) & 0xffff;
    }
    sum_ += change;
}

void ChecksumChange::apply(uint8_t* checksum) const
{
    const uint32_t before = load_big<uint16_t>(checksum);
    const uint16_t after = checksum_of((~before & 0xffff) + folded(sum_));
    checksum[0] = static_cast<uint8_t>(after >> 8);
    checksum[1] = static_cast<uint8_t>(after);
}

}  // namespace xl_colo
