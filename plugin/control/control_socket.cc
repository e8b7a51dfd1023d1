#include "control/control_socket.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/json.h"
#include "control/control_server.h"

namespace xl_colo {

std::string control_folder()
{
    const char* folder = std::getenv("XL_COLO_RUN_DIR");
    return folder && *folder ? folder : "/run/xl-colo";
}

Result<UniqueFd> open_control_folder()
{
    const std::string path = control_folder();
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        return Error::from_errno(ErrorKind::io, "cannot open " + path, errno);
    }
    return fd;
}

std::string control_file_name(const std::string& domain)
{
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string name;
    for (const char c : domain) {
        const auto byte = static_cast<unsigned char>(c);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9');
        if (letter || c == '_' || c == '-' || c == '+' ||
            (c == '.' && !name.empty())) {
            name += c;
        } else {
            name += '%';
            name += hex[byte >> 4];
            name += hex[byte & 15];
        }
    }
    return name;
}

std::optional<std::string> control_domain_of(const std::string& file_name)
{
    std::string domain;
    for (size_t i = 0; i < file_name.size(); ++i) {
        if (file_name[i] != '%') {
            domain += file_name[i];
            continue;
        }
        const std::string digits = file_name.substr(i + 1, 2);
        char* end = nullptr;
        const long byte = std::strtol(digits.c_str(), &end, 16);
        if (digits.size() != 2 || *end) {
            return std::nullopt;
        }
        domain += static_cast<char>(byte);
        i += 2;
    }
    if (domain.empty() || control_file_name(domain) != file_name) {
        return std::nullopt;
    }
    return domain;
}

Result<sockaddr_un> control_address(const UniqueFd& folder,
                                    const std::string& domain)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path =
        "/proc/self/fd/" + std::to_string(folder.get()) + "/" +
        control_file_name(domain) + control_suffix;
    if (path.size() >= sizeof address.sun_path) {
        return Error(ErrorKind::refused,
                     "the domain's name is too long for a control socket");
    }
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

UniqueFd make_control_socket()
{
    return UniqueFd(
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

int connect_control(const UniqueFd& fd, const sockaddr_un& address)
{
    return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                   sizeof address) < 0
               ? errno
               : 0;
}

namespace {

// Whether `fd` became ready; a `stop` that becomes readable is a no.
bool wait_for(const UniqueFd& fd, short events, ControlDeadline deadline,
              const UniqueFd& stop)
{
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            return false;
        }
        std::array<pollfd, 2> fds{pollfd{fd.get(), events, 0},
                                  pollfd{stop.get(), POLLIN, 0}};
        const int r = poll(fds.data(), fds.size(),
                           static_cast<int>(left.count()));
        if (r > 0) {
            return fds[1].revents == 0;
        }
        if (r < 0 && errno != EINTR) {
            return false;
        }
    }
}

}  // namespace

Result<std::string> read_control_line(const UniqueFd& fd, size_t most,
                                      ControlDeadline deadline,
                                      const UniqueFd& stop)
{
    std::string line;
    std::array<char, 4096> bytes;
    for (;;) {
        const ssize_t r = recv(fd.get(), bytes.data(), bytes.size(), 0);
        if (r > 0) {
            line.append(bytes.data(), static_cast<size_t>(r));
            const size_t end = line.find('\n');
            if (std::min(end, line.size()) > most) {
                return Error(ErrorKind::protocol, "the line is too long");
            }
            if (end != std::string::npos) {
                return line.substr(0, end);
            }
        } else if (r == 0) {
            return Error(ErrorKind::peer_lost, "the line has no end");
        } else if (errno == EAGAIN) {
            if (!wait_for(fd, POLLIN, deadline, stop)) {
                return Error(ErrorKind::timeout, "no answer in time");
            }
        } else if (errno != EINTR) {
            return Error::from_errno(ErrorKind::peer_lost, "cannot read",
                                     errno);
        }
    }
}

Status write_control_line(const UniqueFd& fd, const std::string& text,
                          ControlDeadline deadline)
{
    const std::string line = text + "\n";
    const UniqueFd never;
    for (size_t done = 0; done < line.size();) {
        const ssize_t r = send(fd.get(), line.data() + done,
                               line.size() - done, MSG_NOSIGNAL);
        if (r > 0) {
            done += static_cast<size_t>(r);
        } else if (r < 0 && errno == EAGAIN) {
            if (!wait_for(fd, POLLOUT, deadline, never)) {
                return Error(ErrorKind::timeout, "it does not read");
            }
        } else if (r < 0 && errno != EINTR) {
            return Error::from_errno(ErrorKind::peer_lost, "cannot write",
                                     errno);
        }
    }
    return {};
}

std::string control_object(const char* key, const std::string& text)
{
    return JsonWriter()
        .open_object()
        .member(key, text)
        .close_object()
        .take();
}

}  // namespace xl_colo
