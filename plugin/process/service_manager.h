// Tells the service manager that has started this process how it is: what
// sd_notify(3) sends, which is one datagram, without its library.
#pragma once

#include <string>

#include "base/result.h"

namespace xl_colo {

// Lines such as "READY=1" and "STATUS=web1 is protected". Does nothing where
// nobody has named a socket in $NOTIFY_SOCKET, and waits a second at most.
// Error io.
Status tell_service_manager(const std::string& lines);

}  // namespace xl_colo
