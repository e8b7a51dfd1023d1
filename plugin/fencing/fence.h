// How a secondary that has lost its primary learns that it is off.
#pragma once

#include "base/child_process.h"
#include "base/result.h"

namespace xl_colo {

// Says whether the primary is certainly off: runs the fence command.
class Fence {
public:
    virtual ~Fence() = default;
    // Blocks, but gives up soon once `interrupted` says so, which is a no.
    // Error with the command's answer when it says no.
    virtual Status run(const Interrupted& interrupted) = 0;
};

}  // namespace xl_colo
