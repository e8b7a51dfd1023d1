// How a secondary that has lost its primary learns that it is off.
#pragma once

#include "base/result.h"

namespace xl_colo {

// Says whether the primary is certainly off: runs the fence command.
class Fence {
public:
    virtual ~Fence() = default;
    // Blocks. Error with the command's answer when it says no.
    virtual Status run() = 0;
};

}  // namespace xl_colo
