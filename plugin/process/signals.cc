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
    StopSignal{SIGHUP, "SIGHUP", 0}, StopSignal{SIGINT, "SIGINT", 0},
    StopSignal{SIGQUIT, "SIGQUIT", 0}, StopSignal{SIGTERM, "SIGTERM", 0}};

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

void restore_signals(const sigset_t& before)
{
    sigset_t ours = blocked_signals();
    for (int signal = 1; signal < NSIG; ++signal) {
        if (sigismember(&before, signal) == 1) {
            sigdelset(&ours, signal);
        }
    }
    const timespec at_once{};
    while (sigtimedwait(&ours, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void allow_stop_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const StopSignal& signal : stop_signals) {
        sigaddset(&set, signal.number);
    }
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
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
    return StopSignal{number, found->name,
                      static_cast<pid_t>(info.ssi_pid)};
}

}  // namespace xl_colo
