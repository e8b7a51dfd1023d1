#include "process/service_manager.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/errors.h"

namespace xl_colo {

namespace {

// A manager that is stuck does not keep guests from being protected.
constexpr timeval patience{1, 0};

struct Datagram {
    std::string text;
    uid_t sender = static_cast<uid_t>(-1);
};

// Nothing when there is none.
std::optional<Datagram> receive(const UniqueFd& fd)
{
    std::array<char, 4096> bytes;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> about{};
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = about.data();
    message.msg_controllen = about.size();
    const ssize_t r = recvmsg(fd.get(), &message, MSG_DONTWAIT);
    if (r < 0) {
        return std::nullopt;
    }
    Datagram datagram;
    datagram.text.assign(bytes.data(), static_cast<size_t>(r));
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET &&
        header->cmsg_type == SCM_CREDENTIALS) {
        ucred sender;
        std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
        datagram.sender = sender.uid;
    }
    return datagram;
}

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

Result<ServiceEar> ServiceEar::open()
{
    UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof address;
    // Without a path the kernel finds a name, unix(7).
    if (!fd ||
        setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) < 0 ||
        bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
             sizeof address.sun_family) < 0 ||
        getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) <
            0) {
        return io_error("cannot make a socket to be told by", errno);
    }
    const size_t name = length - offsetof(sockaddr_un, sun_path) - 1;
    return ServiceEar(std::move(fd),
                      "NOTIFY_SOCKET=@" +
                          std::string(address.sun_path + 1, name));
}

std::optional<std::string> ServiceEar::take_status()
{
    constexpr std::string_view key = "STATUS=";
    std::optional<std::string> last;
    while (const auto datagram = receive(fd_)) {
        const size_t at = datagram->text.find(key);
        if (datagram->sender == geteuid() && at != std::string::npos) {
            const size_t begin = at + key.size();
            last = datagram->text.substr(
                begin, datagram->text.find('\n', begin) - begin);
        }
    }
    return last;
}

}  // namespace xl_colo
