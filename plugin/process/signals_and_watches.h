// What happens on this host, outside the session: SIGINT and SIGTERM, and
// domains that shut down or go away. One thread turns both into requests.
#pragma once

#include <signal.h>

#include <thread>

#include "base/unique_fd.h"
#include "hypervisor/host.h"
#include "process/requests.h"

namespace xl_colo {

// SIGINT and SIGTERM are taken by SignalsAndWatches alone from here on. Before
// the first thread, which inherits it. The mask from before is what children
// need.
sigset_t block_signals();

class SignalsAndWatches {
public:
    SignalsAndWatches(Requests& requests, DomainWatch& watch);
    ~SignalsAndWatches();

private:
    void loop();

    Requests& requests_;
    DomainWatch& watch_;
    UniqueFd signals_;
    UniqueFd closing_;
    std::thread thread_;
};

}  // namespace xl_colo
