#include "pages/page_hash.h"

#include <xxhash.h>

#include <algorithm>

namespace xl_colo {

namespace {

std::array<uint8_t, 16> bytes_of(XXH128_hash_t hash)
{
    // Canonical: big-endian on every machine.
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    return std::to_array(canonical.digest);
}

}  // namespace

PageHash::PageHash(View key)
{
    static_assert(sizeof(secret_) >= XXH3_SECRET_SIZE_MIN);
    // XXH3 wants a secret of high entropy: the key's digests under many seeds.
    for (size_t i = 0; i < secret_.size(); i += 16) {
        const auto block =
            bytes_of(XXH3_128bits_withSeed(key.data(), key.size(), i));
        std::copy(block.begin(), block.end(), secret_.begin() + i);
    }
}

std::array<uint8_t, 16> PageHash::operator()(View page) const
{
    return bytes_of(XXH3_128bits_withSecret(page.data(), page.size(),
                                            secret_.data(), secret_.size()));
}

}  // namespace xl_colo
