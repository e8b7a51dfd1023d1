// OFFER, docs/specs/colo-wire.md: what the primary asks of the secondary.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"
#include "session/settings.h"

namespace xl_colo {

// The settings, and what only the opening needs, or whoever sets a session up.
struct Offer : SessionSettings {
    uint64_t memory_kib = 0;  // what the guest may use at most
    std::string session;      // make_session_id()
    std::string fence;        // empty: none
    std::string witness;      // empty: none
};

std::string to_json(const Offer& offer);
// Error protocol, also for values that nobody can mean.
Result<Offer> parse_offer(View body);

}  // namespace xl_colo
