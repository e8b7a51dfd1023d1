#include "session/session_key.h"

#include "base/hex.h"
#include "base/random.h"

namespace xl_colo {

namespace {

constexpr size_t digest_key_size = 64;

constexpr size_t session_id_size = 16;

std::string random_hex(size_t size)
{
    return to_hex(random_bytes(size));
}

}  // namespace

std::string make_digest_key()
{
    return random_hex(digest_key_size);
}

std::string make_session_id()
{
    return random_hex(session_id_size);
}

bool is_session_id(const std::string& text)
{
    return text.size() == 2 * session_id_size &&
           text.find_first_not_of("0123456789abcdef") == std::string::npos;
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
