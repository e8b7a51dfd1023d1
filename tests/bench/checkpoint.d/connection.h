// One TCP connection on the loopback, whose rate can be limited.
//
// The limit is SO_MAX_PACING_RATE of the two sockets: TCP itself then spaces
// what it sends, each way by itself, with a timer of the kernel. That needs no
// relay process, whose copying would take time from the two that are measured,
// no network namespace and no root. What is limited is the payload.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"

namespace xl_colo::bench {

// Its own for each pair of processes, so that a rate that was set once does not
// shape the unlimited ones after it. Throws std::system_error.
struct Connection {
    Connection();

    UniqueFd ends[2];
};

// 0: no limit. Once set it is never lifted again.
void set_rate(int socket, uint64_t bits_a_second);

}  // namespace xl_colo::bench
