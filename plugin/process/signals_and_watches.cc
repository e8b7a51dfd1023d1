#include "process/signals_and_watches.h"

#include <sys/eventfd.h>

#include <array>

#include "base/descriptors.h"

namespace xl_colo {

SignalsAndWatches::SignalsAndWatches(Requests& requests, DomainWatch& watch)
    : requests_(requests), watch_(watch), signals_(open_signals())
{
    closing_.reset(eventfd(0, EFD_CLOEXEC));
    thread_ = std::thread([this] { loop(); });
}

SignalsAndWatches::~SignalsAndWatches()
{
    eventfd_write(closing_.get(), 1);
    thread_.join();
}

void SignalsAndWatches::loop()
{
    std::array<pollfd, 3> fds{pollfd{closing_.get(), POLLIN, 0},
                              pollfd{signals_.get(), POLLIN, 0},
                              pollfd{watch_.fd(), POLLIN, 0}};
    for (;;) {
        if (!poll_until(fds) || fds[0].revents) {
            return;
        }
        if (fds[1].revents) {
            if (const auto stop = read_stop_signal(signals_)) {
                requests_.signalled(stop->name);
            }
        }
        if (fds[2].revents) {
            watch_.drain();
            requests_.domains_changed();
        }
    }
}

}  // namespace xl_colo
