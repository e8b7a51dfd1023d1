#include "process/signals_and_watches.h"

#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>

#include "base/descriptors.h"

namespace xl_colo {

namespace {

sigset_t orderly_signals()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

sigset_t block_signals()
{
    const sigset_t set = orderly_signals();
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, &set, &before);
    return before;
}

SignalsAndWatches::SignalsAndWatches(Requests& requests, DomainWatch& watch)
    : requests_(requests), watch_(watch)
{
    const sigset_t set = orderly_signals();
    signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
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
        signalfd_siginfo info{};
        if (fds[1].revents &&
            read(signals_.get(), &info, sizeof info) == sizeof info) {
            requests_.signalled(info.ssi_signo == SIGINT ? "SIGINT"
                                                         : "SIGTERM");
        }
        if (fds[2].revents) {
            watch_.drain();
            requests_.domains_changed();
        }
    }
}

}  // namespace xl_colo
