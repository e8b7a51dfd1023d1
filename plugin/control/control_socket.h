// What both ends of a control socket share: the folder, names, lines.
//
// Paths go through /proc/self/fd/<folder>, because a socket's path may have 107
// bytes at most and a folder's may not.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace xl_colo {

// run_folder(). Error io; code() is ENOENT where there is none yet.
Result<UniqueFd> open_control_folder();
Error no_control_folder(int errno_value);

// Whose socket: that of the process that looks after a domain, or that of an
// xl-colo-start of it which has not come so far as to take the first one. Who
// looks after the domain since an earlier protection keeps that until then. An
// xl-colo-keep has one beside both.
enum class ControlPlace { serving, starting, keeping };

std::string control_file(const std::string& domain, ControlPlace place);
// The domain whose socket that is; nothing for another file.
std::optional<std::string> domain_of_control_file(const std::string& file);

// The socket in that folder. Error usage when the name is too long for one.
Result<sockaddr_un> control_address(
    const UniqueFd& folder, const std::string& domain,
    ControlPlace place = ControlPlace::serving);
// Non-blocking, close-on-exec; invalid, with errno, when there is none.
UniqueFd make_control_socket();
// 0 or errno. ECONNREFUSED: the socket's process is gone. EAGAIN: it lives and
// has too many to answer.
int connect_control(const UniqueFd& fd, const sockaddr_un& address);

using ControlDeadline = std::chrono::steady_clock::time_point;

// One line without its end; what comes after it is not looked at. Errors:
// protocol when it is longer than `most`, timeout at the deadline or once
// `stop` is readable, peer_lost at an end or an error.
Result<std::string> read_control_line(const UniqueFd& fd, size_t most,
                                      ControlDeadline deadline,
                                      const UniqueFd& stop = UniqueFd());
// Appends the end of the line. Errors timeout, peer_lost.
Status write_control_line(const UniqueFd& fd, const std::string& text,
                          ControlDeadline deadline);

// {"key": "text"}
std::string control_object(const char* key, const std::string& text);

}  // namespace xl_colo
