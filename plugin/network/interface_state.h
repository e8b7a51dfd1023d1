// Whether an interface of this host hands on what is sent into it.
#pragma once

#include <string>

namespace xl_colo {

// Its carrier is there, and its queue is switched on, which the kernel does a
// moment later: a frame in between is lost. False where there is none of that
// name.
bool takes_frames(const std::string& interface);

}  // namespace xl_colo
