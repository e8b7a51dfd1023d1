#include "base/keyed_hash.h"

#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <new>

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

KeyedHash::KeyedHash(View key)
{
    static_assert(sizeof(secret_) >= XXH3_SECRET_SIZE_MIN);
    // XXH3 wants a secret of high entropy: the key's digests under many seeds.
    for (size_t i = 0; i < secret_.size(); i += 16) {
        const auto block =
            bytes_of(XXH3_128bits_withSeed(key.data(), key.size(), i));
        std::copy(block.begin(), block.end(), secret_.begin() + i);
    }
}

std::array<uint8_t, 16> KeyedHash::operator()(View bytes) const
{
    return bytes_of(XXH3_128bits_withSecret(bytes.data(), bytes.size(),
                                            secret_.data(), secret_.size()));
}

std::array<uint8_t, 16> KeyedHash::operator()(
    std::initializer_list<View> pieces) const
{
    // Not on the stack: its size is the library's own affair.
    const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(
        XXH3_createState(), XXH3_freeState);
    if (!state) {
        throw std::bad_alloc();
    }
    XXH3_128bits_reset_withSecret(state.get(), secret_.data(),
                                  secret_.size());
    for (const View& piece : pieces) {
        XXH3_128bits_update(state.get(), piece.data(), piece.size());
    }
    return bytes_of(XXH3_128bits_digest(state.get()));
}

}  // namespace xl_colo
