// Whether a guest is to be protected now, from what this host knows of it: the
// rule by which xl-colo-keep goes. It is the same on both hosts of a guest,
// each of which names the other, so that the guest is protected from wherever
// it is. The first row that fits:
//
//     its process here says             and                        then
//     --------------------------------  -------------------------  ------
//     primary, not protecting yet       -                          rest
//     protecting                        -                          rest
//     secondary, connecting or copying  -                          rest
//     fencing, held                     -                          admin
//     unprotected, taken over           -                          start
//     nothing, or that it has ended     went down protecting it    admin
//                                       the guest is not here      rest
//                                       the guest is here          start
//
// "Admin": it is not known who has the guest, and nobody here may guess.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"
#include "hypervisor/host.h"
#include "status/keeper_status.h"
#include "status/status.h"

namespace xl_colo {

enum class Advice { rest, start, admin };

struct Situation {
    Advice advice = Advice::rest;
    bool is_protected = false;
    bool is_primary = false;  // a session of the guest's runs here
    bool is_elsewhere = false;
    std::string text;  // one line
    // Why the guest is not protected any more.
    std::optional<KeeperStatus::Failure> loss = std::nullopt;
};

// Asks the guest's process, and, where there is none, `host`. Errors: libxl;
// timeout and others of ask_status().
Result<Situation> look_at(const std::string& domain, Host& host);

// How long to wait after each start that failed: twice as long each time.
class Pauses {
public:
    using Milliseconds = std::chrono::milliseconds;
    Pauses(Milliseconds first, Milliseconds longest)
        : first_(first), longest_(longest), next_(first) {}
    Milliseconds next();
    void begin_anew() { next_ = first_; }

private:
    Milliseconds first_, longest_, next_;
};

}  // namespace xl_colo
