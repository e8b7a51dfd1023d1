// xl-colo-receive: the far end of xl-colo-start, run on the secondary by the
// transport, with the wire as its stdin and stdout.
#pragma once

#include "commands/options.h"

namespace xl_colo {

int cmd_receive(const ReceiveOptions& options);

}  // namespace xl_colo
