// OFFER, docs/specs/colo-wire.md: what the primary asks of the secondary.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "hypervisor/host.h"
#include "relay/compression.h"

namespace xl_colo {

struct Offer {
    std::string domain;
    std::string configuration;  // libxl's JSON
    Pages gfns;
    uint64_t memory_kib = 0;
    std::chrono::milliseconds timeout{};
    std::chrono::milliseconds interval{};
    bool verify = false;
    std::string session;     // make_session_id()
    std::string digest_key;  // hexadecimal; fresh for each session
    std::string fence;       // empty: none
    std::string witness;     // empty: none
    Compression compression = Compression::none;
    std::vector<DeviceFacts> devices;  // all of the guest's, in its order
    std::set<std::string> without;

    bool lacks(const char* work_around) const
    {
        return without.contains(work_around);
    }
};

std::string to_json(const Offer& offer);
// Error protocol, also for values that nobody can mean.
Result<Offer> parse_offer(View body);

}  // namespace xl_colo
