// The little of libxl's migration stream that we write, so that libxl builds a
// domain whose memory our own code restores. libxl reads it as an ordinary
// migration: a header, LIBXC_CONTEXT (here it runs the save helper), the
// device model's state, the end.
// Reference: docs/specs/libxl-migration-stream.pandoc, version 2.
#pragma once

#include "base/units.h"

namespace xl_colo {

// What libxl reads before it runs the save helper.
Buffer libxl_stream_opening();

// What it reads after the helper has answered: the state of QEMU (upstream),
// and the end of the stream.
Buffer libxl_stream_closing(View device_state);
// The same for a guest without a device model.
Buffer libxl_stream_closing();

}  // namespace xl_colo
