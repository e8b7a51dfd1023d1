#include "session/session_key.h"

#include <sys/random.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <new>

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
    std::string hex;
    for (const uint8_t byte : key) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", byte);
        hex += digits;
    }
    return hex;
}

Result<DigestKeys> parse_digest_key(const std::string& hex)
{
    Buffer key;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned byte = 0;
        if (!std::isxdigit(static_cast<unsigned char>(hex[i])) ||
            !std::isxdigit(static_cast<unsigned char>(hex[i + 1])) ||
            std::sscanf(hex.substr(i, 2).c_str(), "%2x", &byte) != 1) {
            break;
        }
        key.push_back(static_cast<uint8_t>(byte));
    }
    if (key.size() != digest_key_size || hex.size() != 2 * digest_key_size) {
        return Error(ErrorKind::protocol, "the digest key is not " +
                                              std::to_string(digest_key_size) +
                                              " bytes of hexadecimal");
    }
    const auto middle = key.begin() + digest_key_size / 2;
    return DigestKeys{Buffer(key.begin(), middle), Buffer(middle, key.end())};
}

}  // namespace xl_colo
