#include "base/descriptors.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/errors.h"

namespace xl_colo {

namespace {

// For poll(2), rounded up: with 0 it would go round until the deadline.
int milliseconds_until(Deadline deadline)
{
    if (!deadline) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        *deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
}

}  // namespace

Result<int> poll_until(std::span<pollfd> fds, Deadline deadline)
{
    for (;;) {
        const int r =
            poll(fds.data(), fds.size(), milliseconds_until(deadline));
        if (r >= 0) {
            return r;
        }
        if (errno != EINTR) {
            return io_error("cannot poll", errno);
        }
    }
}

Result<Ready> wait_ready(int fd, short events, int interrupt,
                         Deadline deadline)
{
    std::array<pollfd, 2> fds{pollfd{fd, events, 0},
                              pollfd{interrupt, POLLIN, 0}};
    const auto ready = poll_until(fds, deadline);
    if (!ready) {
        return ready.error();
    }
    if (fds[1].revents != 0) {
        return Ready::interrupted;
    }
    return *ready == 0 ? Ready::timed_out : Ready::yes;
}

Status write_all(int fd, View bytes)
{
    while (!bytes.empty()) {
        const ssize_t r = write(fd, bytes.data(), bytes.size());
        if (r >= 0) {
            bytes = bytes.subspan(static_cast<size_t>(r));
        } else if (errno != EINTR) {
            return io_error("cannot write", errno);
        }
    }
    return {};
}

Status send_all(int socket, View bytes, Deadline deadline, int interrupt)
{
    while (!bytes.empty()) {
        const ssize_t r = send(socket, bytes.data(), bytes.size(),
                               MSG_NOSIGNAL | MSG_DONTWAIT);
        if (r >= 0) {
            bytes = bytes.subspan(static_cast<size_t>(r));
            continue;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return io_error("cannot write", errno);
        }
        const auto ready = wait_ready(socket, POLLOUT, interrupt, deadline);
        if (!ready) {
            return ready.error();
        }
        if (*ready == Ready::timed_out) {
            return Error(ErrorKind::timeout, "nobody reads");
        }
        if (*ready == Ready::interrupted) {
            return Error(ErrorKind::aborted, "interrupted");
        }
    }
    return {};
}

void close_inherited()
{
    constexpr unsigned first = STDERR_FILENO + 1;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) {
        return;
    }
#endif
    // Linux before 5.9. The highest one open may lie above a limit that was
    // lowered since; few do.
    const long most = sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd < most; ++fd) {
        close(fd);
    }
}

}  // namespace xl_colo
