// A checkpoint's figures on the wire: the body of DONE.
#pragma once

#include "base/result.h"
#include "base/units.h"
#include "session/pause.h"
#include "status/status.h"

namespace xl_colo {

Buffer encode_figures(const CheckpointFigures& figures);
// Error protocol: the body is too short.
Result<CheckpointFigures> decode_figures(View body);

// What follows the number in RESUMED. None: not known, of the initial copy.
Buffer encode_copy_pause(const std::optional<CopyPause>& pause);
Result<std::optional<CopyPause>> decode_copy_pause(View bytes);

}  // namespace xl_colo
