// tc(8), of Debian's iproute2: the filters on this host's interfaces.
//
// Both calls run it, and block for as long as it takes: some ms, or seconds on
// a host that is busy or emulated.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

// Runs these, each as it would stand behind "tc", by one process, in order, up
// to the first that fails. Errors: refused, tc is missing; timeout; io, with
// the command that failed and what tc said of it.
Status run_tc(const std::vector<std::string>& commands);

// What decides on each frame of an interface before anything else does.
struct Filters {
    bool clsact = false;   // the qdisc that holds filters of both directions
    bool ingress = false;  // the older one, of incoming frames
    // What each filter has for "pref", in both directions, ascending.
    std::vector<unsigned> incoming, outgoing;
    // The blocks that they are in: who adds one, or takes one away, has to name
    // that, not the interface. 0: none.
    unsigned incoming_block = 0, outgoing_block = 0;
};

// Errors as above, also when there is no such interface.
Result<Filters> filters_of(const std::string& interface);

}  // namespace xl_colo
