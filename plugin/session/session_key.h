// The secrets of a session and what it is called, made by the primary and sent
// in its OFFER.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// 32 bytes each. They are two so that a comparison finds what the other digest
// takes for the same.
struct DigestKeys {
    Buffer verification;  // of KeyedHash
    Buffer contents;      // of ContentHash
};

// Both from the kernel's random source, in hexadecimal, and back. Error
// protocol.
std::string make_digest_key();
Result<DigestKeys> parse_digest_key(const std::string& hex);

// What a witness knows a session by: 32 hexadecimal digits, in lower case, as
// random as the keys, so that no two sessions of any two hosts share one. It is
// no secret.
std::string make_session_id();
bool is_session_id(const std::string& text);

}  // namespace xl_colo
