// What happens on this host, outside the session: signals, which must have been
// blocked, and domains that shut down or go away. One thread turns both into
// requests.
#pragma once

#include <thread>

#include "base/unique_fd.h"
#include "hypervisor/host.h"
#include "process/requests.h"
#include "process/signals.h"

namespace xl_colo {

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
