// How the two sides of a session, neither of which hears the other any more,
// learn which of them has the guest: a third party that gives it once.
#pragma once

#include <string>

#include "base/child_process.h"
#include "base/result.h"

namespace xl_colo {

enum class Claim {
    yours,    // this side has the guest from now on, and nobody else ever
    theirs,   // the other side was first
    unknown,  // nobody said either: neither run the guest, nor give it up
};

struct ClaimAnswer {
    Claim claim;
    std::string why;  // of unknown: for people, one line
};

// What a side knows of its claim.
enum class Claimed { no_witness, not_asked, unknown, theirs, yours };

// One session's, and one side's. A session that ends in order never asks, so it
// leaves no claim. One that was lost leaves its claim for good: a side that
// comes back and asks once more, whenever that is, must get the same answer.
//
// For one thread at a time.
class Witness {
public:
    virtual ~Witness() = default;
    // Claims the guest, first come, first served; whoever has it gets the same
    // answer again. Blocks, but gives up soon once `interrupted` says so: that
    // is unknown as well, and so is what an answer that never arrived said.
    virtual ClaimAnswer claim(const Interrupted& interrupted) = 0;
};

}  // namespace xl_colo
