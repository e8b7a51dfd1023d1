// What tells bridges and switches where a guest is now: a frame with its
// address as the sender's.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

using MacAddress = std::array<uint8_t, 6>;

// "00:16:3e:01:02:03", as xenstore has it. Error refused.
Result<MacAddress> parse_mac(const std::string& text);

// A request of RARP (RFC 903) for the guest's own address, to all: it needs no
// IP address, and nobody has to answer it. QEMU sends the same after a
// migration. An Ethernet frame of the least length, 60 bytes.
Buffer rarp_announcement(const MacAddress& mac);

}  // namespace xl_colo
