#include "session/device_guard.h"

#include <sys/eventfd.h>

#include <array>
#include <cerrno>

#include "base/descriptors.h"
#include "base/errors.h"

namespace xl_colo {

DeviceGuard::~DeviceGuard()
{
    if (thread_.joinable()) {
        eventfd_write(closing_.get(), 1);
        thread_.join();
    }
}

Status DeviceGuard::begin(Domain& domain, const std::vector<DeviceFacts>& known)
{
    auto watch = domain.watch_devices(known);
    if (!watch) {
        return watch.error();
    }
    watch_ = std::move(*watch);
    if (auto s = check(); !s) {
        return s;
    }
    closing_.reset(eventfd(0, EFD_CLOEXEC));
    if (!closing_) {
        return io_error("cannot watch the guest's devices", errno);
    }
    thread_ = std::thread([this] { loop(); });
    return {};
}

Status DeviceGuard::check()
{
    if (!watch_) {
        return {};
    }
    const auto changes = watch_->changes();
    if (!changes) {
        return changes.error();
    }
    return changes->empty()
               ? Status()
               : Error(ErrorKind::devices_changed,
                       *changes + ", which the copy cannot follow: start "
                       "protection again, for the guest as it is now");
}

void DeviceGuard::loop()
{
    std::array<pollfd, 2> fds{pollfd{closing_.get(), POLLIN, 0},
                              pollfd{watch_->fd(), POLLIN, 0}};
    while (poll_until(fds) && !fds[0].revents) {
        const Status same = check();
        if (!same) {
            // Trouble with the host shows at the next checkpoint.
            if (same.error().kind() == ErrorKind::devices_changed) {
                changed_(same.error());
            }
            return;
        }
    }
}

}  // namespace xl_colo
