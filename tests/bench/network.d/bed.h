// What the paths of the benchmark are between: a guest and a client, each in a
// network namespace of its own that is gone with the process.
//
//     guest's namespace    the bench's own             client's namespace
//     guest -------------- vif -- lan -- port -------- client
//     10.9.0.1                                         10.9.0.2
//
// `lan` is a bridge, and nothing is between it and `vif` but what a path puts
// there. Needs root, /dev/net/tun and iproute2.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "../../unit/network_bed.h"

namespace xl_colo::bench {

// Why a path cannot be, in words for the report.
class Missing : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Runs "ip ..." or "tc ...". Throws Missing with what it said, if it did.
void run(const std::string& command);

constexpr const char* guest_address = "10.9.0.1";
constexpr const char* client_address = "10.9.0.2";

class Bed {
public:
    // Puts this process into a network namespace. Before any thread. Throws
    // Missing.
    static std::unique_ptr<Bed> make();

    // Frames that the guest's card has given to the host: a long one of TCP's,
    // which its card would cut, is one.
    uint64_t frames_of_guest() const;

    const Namespace guest, client;

private:
    Bed();
};

}  // namespace xl_colo::bench
