// A keyed 128-bit digest: XXH3, some GB/s on one core. It is no cryptographic
// hash. The key keeps a guest, which neither sees it nor any digest, from
// preparing pages that collide; whoever sees both hosts' memory can do as they
// like anyway.
#pragma once

#include <array>
#include <initializer_list>

#include "base/units.h"

namespace xl_colo {

class KeyedHash {
public:
    // The same key gives the same digests on every machine.
    explicit KeyedHash(View key);

    std::array<uint8_t, 16> operator()(View bytes) const;
    // Of the pieces one after another. The same as of one that holds them all.
    std::array<uint8_t, 16> operator()(
        std::initializer_list<View> pieces) const;

private:
    std::array<uint8_t, 192> secret_;  // XXH3's default secret has that size
};

}  // namespace xl_colo
