// How xl-colo-stop and xl-colo-failover end.
#pragma once

#include <string>

#include "base/result.h"

namespace xl_colo {

// Tells the admin how a request about `domain` went; the exit status for it.
int tell_outcome(const std::string& domain, const Result<std::string>& outcome);

}  // namespace xl_colo
