// Tells the service manager that has started this process how it is: what
// sd_notify(3) sends, which is one datagram, without its library. And hears
// what a process tells that this one has started.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace xl_colo {

// Lines such as "READY=1" and "STATUS=web1 is protected". Does nothing where
// nobody has named a socket in $NOTIFY_SOCKET, and waits a second at most.
// Error io.
Status tell_service_manager(const std::string& lines);

// The other end of that. Its name is one of Linux' abstract ones, which anybody
// can send to: what another user sends is not heard.
class ServiceEar {
public:
    static Result<ServiceEar> open();  // error io
    // "NOTIFY_SOCKET=..." for the environment of who is to tell.
    const std::string& setting() const { return setting_; }
    // The last STATUS since this was asked before.
    std::optional<std::string> take_status();

private:
    ServiceEar(UniqueFd fd, std::string setting)
        : fd_(std::move(fd)), setting_(std::move(setting)) {}

    UniqueFd fd_;
    std::string setting_;
};

}  // namespace xl_colo
