// How the numbers of a connection that was begun since the checkpoint differ
// between the guest and its copy: each has chosen its first sequence number by
// its own clock, and its timestamps are that clock's.
#pragma once

#include <cstdint>

#include "compare/packet.h"

namespace xl_colo {

struct SequenceMapping {
    FlowKey key;  // of what the guest sends
    uint32_t copys_first = 0;  // the number of the copy's SYN
    // The primary's less the copy's.
    uint32_t sequence = 0;
    uint32_t timestamp = 0;
};

}  // namespace xl_colo
