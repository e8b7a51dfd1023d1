// Status as JSON: what xl-colo-status --json prints, and what the control
// socket carries. Keys stay, carry their unit, and an unknown value is null:
// xl-colo-status(1) lists them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "status/keeper_status.h"
#include "status/status.h"

namespace xl_colo {

// One domain with a control socket: of the process that protects it, of its
// keeper, or of both. An error: that one is gone, or does not answer. Neither
// status nor error: there is none.
struct DomainReport {
    std::string domain;
    std::optional<SessionStatus> status;
    std::optional<std::string> error;
    std::optional<KeeperStatus> keeper = std::nullopt;
    std::optional<std::string> keeper_error = std::nullopt;

    bool has_process() const { return status || error; }
};

// The object of one report. `now` is for the age of the last checkpoint.
void write_report(JsonWriter& json, const DomainReport& report,
                  WallClock::time_point now);

// The list of all: over several lines for people, or in one.
std::string reports_to_json(const std::vector<DomainReport>& reports,
                            WallClock::time_point now, bool indent);

// The way back. Error protocol, naming the key.
Result<SessionStatus> status_from_json(const Json& object);

}  // namespace xl_colo
