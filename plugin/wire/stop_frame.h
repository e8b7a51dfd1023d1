// STOP, the frame by which a side says why protection ends.
#pragma once

#include <string>

#include "base/result.h"
#include "wire/frame.h"
#include "wire/link.h"

namespace xl_colo {

// The text of a STOP, fit to print: control characters become spaces.
std::string stop_text(const Frame& frame);
// Cuts off what a STOP does not hold. Error peer_lost.
Status send_stop(FrameSender& sender, const std::string& why);

}  // namespace xl_colo
