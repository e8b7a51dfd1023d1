#include "relay/relay_pipe.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace xl_colo {

namespace {

// What an unprivileged process may ask for (fs.pipe-max-size, Linux 2.6.35): a
// record of 4 MiB then takes four turns of both sides instead of 64. Where
// even that is refused the pipe stays at 64 KiB, which is only slower.
constexpr int pipe_bytes = 1 << 20;

int checked(int r)
{
    if (r < 0) {
        throw std::system_error(errno, std::generic_category(),
                                "pipe to libxc");
    }
    return r;
}

Error was_aborted()
{
    return {ErrorKind::aborted, "the pipe to libxc was closed"};
}

}  // namespace

RelayPipe::RelayPipe(Ours ours)
    : aborted_(checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))
{
    std::array<int, 2> ends{};
    checked(pipe2(ends.data(), O_CLOEXEC));
    const bool reads = ours == Ours::reads;
    ours_.reset(ends[reads ? 0 : 1]);
    theirs_.reset(ends[reads ? 1 : 0]);
    // The two ends are two open files: libxc's stays blocking.
    checked(fcntl(ours_.get(), F_SETFL, O_NONBLOCK));
    (void)fcntl(ours_.get(), F_SETPIPE_SZ, pipe_bytes);
}

UniqueFd RelayPipe::take_theirs()
{
    return std::move(theirs_);
}

void RelayPipe::abort()
{
    // First wakes whoever holds the mutex in wait().
    eventfd_write(aborted_.get(), 1);
    const std::lock_guard lock(mutex_);
    ours_.reset();
}

// Whether ours_ is ready; if not, then the time is over.
Result<bool> RelayPipe::wait(short events, Deadline deadline)
{
    const auto ready =
        wait_ready(ours_.get(), events, aborted_.get(), deadline);
    if (!ready) {
        return ready.error().with_context("waiting for libxc");
    }
    if (*ready == Ready::interrupted) {
        return was_aborted();
    }
    return *ready == Ready::yes;
}

Result<size_t> RelayPipe::read(uint8_t* to, size_t size)
{
    const std::lock_guard lock(mutex_);
    size_t done = 0;
    while (done < size) {
        // Before every read, so that a libxc that writes without a pause
        // cannot keep abort() waiting.
        auto ready = wait(POLLIN);
        if (!ready) {
            return ready.error();
        }
        const ssize_t r = ::read(ours_.get(), to + done, size - done);
        if (r == 0) {
            break;
        }
        if (r > 0) {
            done += static_cast<size_t>(r);
        } else if (errno != EAGAIN && errno != EINTR) {
            return Error::from_errno(ErrorKind::io, "cannot read from libxc",
                                     errno);
        }
    }
    return done;
}

Result<bool> RelayPipe::readable_within(std::chrono::milliseconds limit)
{
    const std::lock_guard lock(mutex_);
    return wait(POLLIN, std::chrono::steady_clock::now() + limit);
}

Status RelayPipe::write(std::span<const View> pieces)
{
    const std::lock_guard lock(mutex_);
    std::array<iovec, 64> vectors{};
    size_t next = 0;  // the first piece that is not through
    size_t done = 0;  // bytes of it that are
    for (;;) {
        int count = 0;
        for (size_t i = next, skip = done;
             i < pieces.size() && count < static_cast<int>(vectors.size());
             ++i, skip = 0) {
            const View rest = pieces[i].subspan(skip);
            if (!rest.empty()) {
                vectors[count++] = {const_cast<uint8_t*>(rest.data()),
                                    rest.size()};
            }
        }
        if (count == 0) {
            return {};
        }
        auto ready = wait(POLLOUT);
        if (!ready) {
            return ready.error();
        }
        const ssize_t r = writev(ours_.get(), vectors.data(), count);
        if (r < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                continue;
            }
            return Error::from_errno(ErrorKind::io, "cannot write to libxc",
                                     errno);
        }
        done += static_cast<size_t>(r);
        while (next < pieces.size() && done >= pieces[next].size()) {
            done -= pieces[next++].size();
        }
    }
}

}  // namespace xl_colo
