#include "control/control_socket.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"
#include "base/descriptors.h"
#include "base/domain_files.h"
#include "base/json.h"
#include "control/control_server.h"

namespace xl_colo {

namespace {

const char* suffix_of(ControlPlace place)
{
    switch (place) {
    case ControlPlace::serving: return ".sock";
    case ControlPlace::starting: return ".starting";
    case ControlPlace::keeping: return ".keeper";
    }
    return "?";
}

}  // namespace

Result<UniqueFd> open_control_folder()
{
    const std::string path = run_folder();
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        return no_control_folder(errno);
    }
    return fd;
}

Error no_control_folder(int errno_value)
{
    const std::string cure =
        errno_value == EACCES ? " (run this as root)" : "";
    return Error::from_errno(ErrorKind::io,
                             "cannot look into " + run_folder() + cure,
                             errno_value);
}

std::string control_file(const std::string& domain, ControlPlace place)
{
    return domain_file_name(domain) + suffix_of(place);
}

std::optional<std::string> domain_of_control_file(const std::string& file)
{
    for (const auto place : {ControlPlace::serving, ControlPlace::starting,
                             ControlPlace::keeping}) {
        const std::string suffix = suffix_of(place);
        if (file.ends_with(suffix)) {
            return domain_of_file_name(
                file.substr(0, file.size() - suffix.size()));
        }
    }
    return std::nullopt;
}

Result<sockaddr_un> control_address(const UniqueFd& folder,
                                    const std::string& domain,
                                    ControlPlace place)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path =
        "/proc/self/fd/" + std::to_string(folder.get()) + "/" +
        control_file(domain, place);
    if (path.size() >= sizeof address.sun_path) {
        const size_t name = domain_file_name(domain).size();
        const size_t room =
            sizeof address.sun_path - 1 - (path.size() - name);
        return Error(ErrorKind::usage,
                     "the name is too long for a control socket: " +
                         std::to_string(name) + " bytes, and " +
                         std::to_string(room) +
                         " fit; letters, digits and any of _-+. take one "
                         "each, any other byte takes three");
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
            const auto ready =
                wait_ready(fd.get(), POLLIN, stop.get(), deadline);
            if (!ready || *ready != Ready::yes) {
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
    const Status sent = send_all(fd.get(), view_of(line), deadline);
    if (sent) {
        return {};
    }
    return sent.error().kind() == ErrorKind::timeout
               ? Error(ErrorKind::timeout, "it does not read")
               : Error(ErrorKind::peer_lost, sent.error().text(),
                       sent.error().code());
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
