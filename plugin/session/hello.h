// HELLO, docs/specs/colo-wire.md: who a side is, and whether the two fit.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "hypervisor/host.h"
#include "wire/frame.h"

namespace xl_colo {

constexpr uint64_t protocol_version = 1;

struct Hello {
    uint64_t protocol = protocol_version;
    std::string version;                // of the program
    std::vector<std::string> features;  // both must know them
    std::string host;
    XenVersion xen;
    std::vector<uint32_t> cpu_features;
    uint64_t max_frame = frame_body_max;
    std::vector<std::string> unpacks;   // compressions that it understands
};

Hello make_hello(const HostFacts& facts);
std::string to_json(const Hello& hello);
// Error protocol; refused for one that speaks another version of it.
Result<Hello> parse_hello(View body);

// What the primary has against the secondary. Error refused, for an admin.
Status check_peer(const Hello& primary, const Hello& secondary);

}  // namespace xl_colo
