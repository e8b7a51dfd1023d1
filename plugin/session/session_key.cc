#include "session/session_key.h"

#include <sys/random.h>

#include <array>
#include <new>

#include "base/hex.h"

namespace xl_colo {

namespace {

constexpr size_t digest_key_size = 64;

}  // namespace

std::string make_digest_key()
{
    std::array<uint8_t, digest_key_size> key{};
    // Up to 256 bytes come whole or not at all, getrandom(2).
    if (getrandom(key.data(), key.size(), 0) !=
        static_cast<ssize_t>(key.size())) {
        throw std::bad_alloc();
    }
    return to_hex(key);
}

Result<DigestKeys> parse_digest_key(const std::string& hex)
{
    const auto key = from_hex(hex);
    if (!key || key->size() != digest_key_size) {
        return Error(ErrorKind::protocol, "the digest key is not " +
                                              std::to_string(digest_key_size) +
                                              " bytes of hexadecimal");
    }
    const auto middle = key->begin() + digest_key_size / 2;
    return DigestKeys{Buffer(key->begin(), middle), Buffer(middle, key->end())};
}

}  // namespace xl_colo
