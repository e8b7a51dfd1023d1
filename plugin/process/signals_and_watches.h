// What happens on this host, outside the session: SIGINT and SIGTERM, and
// domains that shut down or go away. One thread turns both into requests.
#pragma once

#include <signal.h>

#include <thread>

#include "base/unique_fd.h"
#include "hypervisor/host.h"
#include "process/requests.h"

namespace xl_colo {

// SIGINT and SIGTERM are taken by HostEvents alone from here on. Before the
// first thread, which inherits it. The mask from before is what children need.
sigset_t block_signals();

class HostEvents {
public:
    HostEvents(Desk& desk, DomainWatch& watch);
    ~HostEvents();

private:
    void loop();

    Desk& desk_;
    DomainWatch& watch_;
    UniqueFd signals_;
    UniqueFd closing_;
    std::thread thread_;
};

}  // namespace xl_colo
