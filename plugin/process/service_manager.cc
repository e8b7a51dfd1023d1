#include "process/service_manager.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/errors.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

// A manager that is stuck does not keep guests from being protected.
constexpr timeval patience{1, 0};

}  // namespace

Status tell_service_manager(const std::string& lines)
{
    const char* const variable = std::getenv("NOTIFY_SOCKET");
    const std::string path = variable ? variable : "";
    if (path.empty()) {
        return {};
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return io_error("NOTIFY_SOCKET is too long", ENAMETOOLONG);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    // Of Linux' abstract names, which begin with a 0, all bytes count.
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    const auto length = static_cast<socklen_t>(
        offsetof(sockaddr_un, sun_path) + path.size());
    const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!fd || sendto(fd.get(), lines.data(), lines.size(), MSG_NOSIGNAL,
                      reinterpret_cast<const sockaddr*>(&address),
                      length) < 0) {
        return io_error("cannot tell the service manager", errno);
    }
    return {};
}

}  // namespace xl_colo
