// Runs one case: two processes, the man in the middle, and a look at what is
// left when both have come to rest.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "case.h"
#include "host.h"

namespace xl_colo::campaign {

// How one side was found.
struct SideSeen {
    bool lives = false;  // its process
    bool ended = false;  // its session
    State state{};
    uint32_t warnings = 0;
    std::string why;
    bool runs = false;   // the guest there
    bool has_guest = false;
    bool went_on = false;  // it was seen to
    bool sound = false;    // memory and registers belong together
    bool warns(WarningKind kind) const { return warnings & bit(kind); }
};

struct Seen {
    SideSeen primary, secondary;
    // Both came to an end, or to where they wait for somebody.
    bool settled = false;
    // The fault's frame came. A session that something else ended before shows
    // nothing of the fault.
    bool struck = false;
    std::vector<FrameName> frames;  // all that passed
    bool passed(FrameType type) const;
    bool passed(Role from, FrameType type) const;
    bool passed(const FrameName& name) const;

    int given_to = 0;  // by the witness: see Ledger
    bool fenced = false;
    // Checkpoints from which the copy went on, and was not what the primary's
    // guest had been when it stood.
    std::vector<std::string> differences;
    unsigned compared = 0;
    // The copy took over a state from before one that it had said COMMITTED of.
    bool fell_back = false;
    // A guest was seen to run long after the witness had given it to the other.
    bool ran_unasked = false;
    std::chrono::milliseconds stood{};  // at most, at a time, on both hosts
    std::string trouble;                // of the campaign's own
};

struct RunOptions {
    Times times;
    Bytes memory{1 << 20};
    std::chrono::milliseconds patience{120'000};  // until both settle
};

Seen run_case(const Case& c, const RunOptions& options);

}  // namespace xl_colo::campaign
