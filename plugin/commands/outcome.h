// How xl-colo-stop and xl-colo-failover end.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace xl_colo {

// A process of this host's answers from memory; one that takes longer has
// stopped.
constexpr std::chrono::seconds local_patience{5};

// Tells the admin how a request about `domain` went; the exit status for it.
int tell_outcome(const std::string& domain, const Result<std::string>& outcome);

}  // namespace xl_colo
