// One of the two processes of a case: a host of the model, with the program's
// own session on it.
#pragma once

#include "base/unique_fd.h"
#include "case.h"
#include "guest.h"
#include "ledger.h"

namespace xl_colo::campaign {

struct Times {
    std::chrono::milliseconds timeout{1500};  // of the session
    // Of its opening, in which two processes have to begin.
    std::chrono::milliseconds opening_timeout{6 * timeout};
    std::chrono::milliseconds step_timeout{2 * timeout};
    std::chrono::milliseconds yield_limit{4 * timeout};
};

// Where the guest of each side is; memory of its own for each process.
struct Guests {
    model::Layout layout;
    const model::Image& primary;
    const model::Image& secondary;
    const model::Image& stood;  // the primary's, when it stood last
};

// In that process. Returns never: somebody kills it.
[[noreturn]] void be_host(Role role, const Case& c, const Times& times,
                          const Guests& guests, Ledger& ledger, UniqueFd wire);

}  // namespace xl_colo::campaign
