// Which guests can be protected. Everything is checked before anything is
// changed, and each refusal says what to do.
#pragma once

#include <string>

#include "base/result.h"
#include "hypervisor/host.h"

namespace xl_colo {

// On the primary, before the peer is even called.
Status check_guest(const DomainFacts& guest);

// On the secondary, before it accepts the offer of `name`: name and UUID are
// free, there is memory for it.
Status check_room(Host& host, const std::string& name,
                  const std::string& configuration);

}  // namespace xl_colo
