// A keyed 128-bit digest: XXH3, some GB/s on one core. It is no cryptographic
// hash. The key keeps a guest, which neither sees it nor any digest, from
// preparing pages that collide; whoever sees both hosts' memory can do as they
// like anyway.
#pragma once

#include <array>

#include "base/units.h"

namespace xl_colo {

class PageHash {
public:
    // The same key gives the same digests on every machine.
    explicit PageHash(View key);

    std::array<uint8_t, 16> operator()(View page) const;

private:
    std::array<uint8_t, 192> secret_;  // XXH3's default secret has that size
};

}  // namespace xl_colo
