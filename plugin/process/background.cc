#include "process/background.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/descriptors.h"
#include "base/oom.h"
#include "process/signals.h"

namespace xl_colo {

namespace {

Result<UniqueFd> open_log_file(const std::string& path)
{
    // What one admin's guests do is not for every user of the host to read.
    UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                     0600));
    if (!fd) {
        return Error::from_errno(ErrorKind::io, "cannot open log " + path,
                                 errno);
    }
    return fd;
}

// There is no log yet: it belongs to what runs in the child.
void tell(const char* what)
{
    std::fprintf(stderr, "colo: error: %s: %s\n", what, strerror(errno));
}

// As waitpid(2) gives it; nothing when that fails.
std::optional<int> wait_for_end(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            tell("cannot wait for the child process");
            return std::nullopt;
        }
    }
    return status;
}

std::string in_words(std::optional<int> status)
{
    if (!status) {
        return "nobody knows how";
    }
    if (WIFEXITED(*status)) {
        return "exit status " + std::to_string(WEXITSTATUS(*status));
    }
    const int signal = WTERMSIG(*status);
    return "signal " + std::to_string(signal) + ": " + strsignal(signal);
}

// What a child's end means for the process above it. One that ends with success
// before it detached did all there was to do.
int outcome(std::optional<int> status)
{
    if (status && WIFEXITED(*status)) {
        return WEXITSTATUS(*status);
    }
    std::fprintf(stderr,
                 "colo: error: the process that protects the guest died: %s\n",
                 in_words(status).c_str());
    return EXIT_FAILURE;
}

struct Pipe {
    UniqueFd from, to;
};

std::optional<Pipe> make_pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        tell("cannot make a pipe");
        return std::nullopt;
    }
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

pid_t fork_or_tell()
{
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) {
        tell("cannot fork");
    }
    return child;
}

// So that "pidof xl-colo-start" is the worker: it is what an admin signals.
void call_it_watcher()
{
    constexpr std::string_view names[] = {"xl-colo-start", "xl-colo-receive"};
    constexpr std::string_view ours = "xl-colo-watch";
    prctl(PR_SET_NAME, ours.data());
    // The words of the command line are as long as they are.
    std::string_view word = program_invocation_name;
    for (const std::string_view name : names) {
        if (word.ends_with(name)) {
            char* const at =
                program_invocation_name + (word.size() - name.size());
            std::memset(at, 0, name.size());
            std::memcpy(at, ours.data(), ours.size());
            return;
        }
    }
}

// The whole life of the process on the terminal: `watcher` sends a byte, the
// exit status, when the worker leaves the terminal, and ends when that ends
// before.
int wait_on_terminal(pid_t watcher, const UniqueFd& from_watcher)
{
    const UniqueFd signals = open_signals();
    for (;;) {
        std::array<pollfd, 2> fds{pollfd{from_watcher.get(), POLLIN, 0},
                                  pollfd{signals.get(), POLLIN, 0}};
        if (!poll_until(fds)) {
            continue;
        }
        if (fds[1].revents) {
            if (const auto stop = read_stop_signal(signals)) {
                kill(watcher, stop->number);
            }
        }
        if (fds[0].revents) {
            uint8_t status;
            return read(from_watcher.get(), &status, 1) == 1
                       ? status
                       : outcome(wait_for_end(watcher));
        }
    }
}

}  // namespace

int Background::run(Place place, const Work& work, const Aftermath& aftermath)
{
    // From before the first fork, so that none is lost in between.
    const sigset_t before = block_signals();
    WatchRecord record;
    UniqueFd to_terminal;
    if (place == Place::background) {
        auto pipe = make_pipe();
        const pid_t watcher = pipe ? fork_or_tell() : -1;
        if (watcher != 0) {
            int status = EXIT_FAILURE;
            if (watcher > 0) {
                pipe->to.reset();
                status = wait_on_terminal(watcher, pipe->from);
            }
            restore_signals(before);
            return status;
        }
        to_terminal = std::move(pipe->to);
        setsid();  // ^C reaches the terminal's process, which hands it on
    }

    auto pipe = make_pipe();
    // The watcher reads it where it reads the others.
    sigset_t child_ends;
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ends, nullptr);
    const pid_t worker = pipe ? fork_or_tell() : -1;
    int status = EXIT_FAILURE;
    if (worker == 0) {
        sigprocmask(SIG_UNBLOCK, &child_ends, nullptr);
        pipe->from.reset();
        to_terminal.reset();
        setsid();  // for the same reason: once is enough
        resist_oom();
        Background here(place, std::move(pipe->to), record);
        status = work(here);
        record.finish();
    } else if (worker > 0) {
        pipe->to.reset();
        resist_oom();
        Background here(place, std::move(to_terminal), record);
        status = here.watch(worker, std::move(pipe->from), aftermath);
    }
    if (worker != 0 && place != Place::background) {
        restore_signals(before);
        return status;
    }
    std::fflush(nullptr);
    // Returning would run the caller's part once more, in this process.
    std::exit(status);
}

// Signals come from the process on the terminal, which hands them on. Where
// somebody signals all of us, the worker has its own.
int Background::watch(pid_t worker, UniqueFd from_worker,
                      const Aftermath& aftermath)
{
    call_it_watcher();
    const pid_t above = getppid();
    if (place_ == Place::wire) {
        const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
        dup2(null.get(), STDIN_FILENO);
        dup2(null.get(), STDOUT_FILENO);
    }
    sigset_t child_ends;
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    UniqueFd signals = open_signals();
    UniqueFd ends(signalfd(-1, &child_ends, SFD_CLOEXEC | SFD_NONBLOCK));
    for (bool lives = true; lives;) {
        // The pipe may outlive the worker, in a child that it left.
        std::array<pollfd, 3> fds{pollfd{from_worker.get(), POLLIN, 0},
                                  pollfd{signals.get(), POLLIN, 0},
                                  pollfd{ends.get(), POLLIN, 0}};
        if (!poll_until(fds)) {
            continue;
        }
        lives = fds[2].revents == 0;
        if (fds[1].revents) {
            const auto stop = read_stop_signal(signals);
            if (stop && (place_ != Place::background ||
                         stop->sender == above)) {
                kill(worker, stop->number);
            }
        }
        if (fds[0].revents) {
            uint8_t status;
            if (read(from_worker.get(), &status, 1) == 1) {
                if (open_log(record_.log())) {
                    detach(status);
                }
            } else {
                from_worker.reset();  // it is about to end
            }
        }
    }
    signals.reset();
    ends.reset();
    sigprocmask(SIG_UNBLOCK, &child_ends, nullptr);
    const auto ended = wait_for_end(worker);
    const WatchRecord::Findings found = record_.read();
    if (!found.begun || found.finished) {
        return outcome(ended);
    }
    return aftermath(*this, found, in_words(ended));
}

Status Background::open_log(const std::string& path)
{
    if (in_foreground()) {
        return {};
    }
    auto file = open_log_file(path);
    if (!file) {
        return file.error();
    }
    log_ = std::move(*file);
    record_.set_log(path);
    return {};
}

void Background::detach(int status)
{
    if (!log_) {
        return;
    }
    leave_terminal();
    // Who was killed meanwhile waits for nothing.
    const auto byte = static_cast<uint8_t>(status);
    (void)bool(write_all(above_.get(), View(&byte, 1)));
}

void Background::leave_terminal()
{
    std::fflush(nullptr);
    dup2(log_.get(), STDERR_FILENO);
    ignore_hangup();
    if (place_ == Place::background) {
        dup2(log_.get(), STDOUT_FILENO);
        const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (null) {
            dup2(null.get(), STDIN_FILENO);
        }
        // Whoever wants to unmount what the admin happened to be in.
        if (chdir("/") < 0) {
            tell("cannot leave the working directory");
        }
    }
    log_.reset();
}

}  // namespace xl_colo
