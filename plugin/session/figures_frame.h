// A checkpoint's figures on the wire: the body of DONE.
#pragma once

#include "base/result.h"
#include "base/units.h"
#include "status/status.h"

namespace xl_colo {

Buffer encode_figures(const CheckpointFigures& figures);
// Error protocol: the body is too short.
Result<CheckpointFigures> decode_figures(View body);

}  // namespace xl_colo
