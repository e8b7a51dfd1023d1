// Between which addresses DRBD is to connect two hosts.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace xl_colo {

struct Route {
    // As DRBD's configuration has them: "ipv4 10.0.0.1", "ipv6 [fe80::1]".
    std::string here, there;
    uint16_t port = 0;  // on both
};

// To the first address of `host`'s, by the address from which this host would
// reach it; no port. Error refused, when its name says no address here.
Result<Route> route_to(const std::string& host);

// "10.0.0.1" of "ipv4 10.0.0.1", "::1" of "ipv6 [::1]".
std::string bare_address(const std::string& address);

// Whether nobody listens there, on the host that `address` is of.
bool is_free(const std::string& address, uint16_t port);

}  // namespace xl_colo
