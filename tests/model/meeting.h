// Two processes that are to be two hosts: how they begin, and how their
// sessions come to know each other.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "hypervisor/host.h"
#include "session/offer.h"
#include "wire/link.h"

namespace xl_colo::model {

// Does its part in a process of its own, which then exits with 0; SIGALRM ends
// it when it has lived for too long. Throws std::system_error.
pid_t start_process(unsigned seconds_to_live,
                    const std::function<void()>& part);

// An offer with all that does not differ between the tests.
Offer make_offer(Pages gfns);

// The opening, with a secondary that agrees.
Status open_as_primary(Link& link, Host& host, Offer offer);
Result<Offer> open_as_secondary(Link& link, Host& host);

}  // namespace xl_colo::model
