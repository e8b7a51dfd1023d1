#include "process/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace xl_colo {

namespace {

constexpr std::array left_alone{SIGABRT, SIGBUS,  SIGFPE,  SIGILL,
                                SIGSEGV, SIGSYS,  SIGTRAP, SIGCHLD,
                                SIGCONT, SIGURG,  SIGWINCH};

constexpr std::array stop_signals{
    StopSignal{SIGHUP, "SIGHUP"}, StopSignal{SIGINT, "SIGINT"},
    StopSignal{SIGQUIT, "SIGQUIT"}, StopSignal{SIGTERM, "SIGTERM"}};

sigset_t blocked_signals()
{
    sigset_t set;
    sigfillset(&set);  // KILL and STOP cannot be blocked, and are not
    for (const int signal : left_alone) {
        sigdelset(&set, signal);
    }
    return set;
}

bool is_ignored(int signal)
{
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    return action.sa_handler == SIG_IGN;
}

}  // namespace

sigset_t block_signals()
{
    if (is_ignored(SIGCHLD)) {
        signal(SIGCHLD, SIG_DFL);
    }
    const sigset_t set = blocked_signals();
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, &set, &before);
    return before;
}

void ignore_hangup()
{
    signal(SIGHUP, SIG_IGN);
}

UniqueFd open_signals()
{
    const sigset_t set = blocked_signals();
    return UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::optional<StopSignal> read_stop_signal(const UniqueFd& signals)
{
    signalfd_siginfo info{};
    if (read(signals.get(), &info, sizeof info) != sizeof info) {
        return std::nullopt;
    }
    const auto number = static_cast<int>(info.ssi_signo);
    const auto* const found = std::ranges::find(stop_signals, number,
                                                &StopSignal::number);
    // One that is blocked arrives even if it is ignored.
    if (found == stop_signals.end() ||
        (number == SIGHUP && is_ignored(SIGHUP))) {
        return std::nullopt;
    }
    return *found;
}

}  // namespace xl_colo
