// Status as OpenMetrics, for what collects figures: xl-colo-status(1) lists
// them. Only gauges, and no type that the older text format of Prometheus does
// not know: its textfile collector, which has no other, reads the same text.
#pragma once

#include <string>
#include <vector>

#include "status/status_json.h"

namespace xl_colo {

// All of one family together, its domains in the order of `reports`. `marked`:
// domains that this host protected when it went down (protection_mark.h).
std::string reports_to_openmetrics(const std::vector<DomainReport>& reports,
                                   const std::vector<std::string>& marked,
                                   WallClock::time_point now);

}  // namespace xl_colo
