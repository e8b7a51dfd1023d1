// Status for people: a table of many domains, or all that is known of one.
// Neither is wider than 80 columns.
#pragma once

#include <string>
#include <vector>

#include "status/status_json.h"

namespace xl_colo {

std::string status_table(const std::vector<DomainReport>& reports,
                         WallClock::time_point now);

std::string status_detail(const DomainReport& report,
                          WallClock::time_point now);

}  // namespace xl_colo
