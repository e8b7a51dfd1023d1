#include "process/background.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/descriptors.h"
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

// What the child's end means for the parent. A child that ends with success
// before it detached did all there was to do.
int outcome(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            tell("cannot wait for the child process");
            return EXIT_FAILURE;
        }
    }
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    std::fprintf(stderr,
                 "colo: error: the process that protects the guest was killed "
                 "by signal %d: %s\n",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    return EXIT_FAILURE;
}

// The parent's whole life: `detached` brings a byte, the exit status, when the
// child leaves the terminal, and an end when the child does.
int wait_for(pid_t child, int detached)
{
    const UniqueFd signals = open_signals();
    for (;;) {
        std::array<pollfd, 2> fds{pollfd{detached, POLLIN, 0},
                                  pollfd{signals.get(), POLLIN, 0}};
        if (!poll_until(fds)) {
            continue;
        }
        if (fds[1].revents) {
            if (const auto stop = read_stop_signal(signals)) {
                kill(child, stop->number);
            }
        }
        if (fds[0].revents) {
            uint8_t status;
            return read(detached, &status, 1) == 1 ? status : outcome(child);
        }
    }
}

}  // namespace

int Background::run(bool foreground,
                    const std::function<int(Background&)>& work)
{
    if (foreground) {
        block_signals();
        Background here{UniqueFd()};
        return work(here);
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        tell("cannot make a pipe");
        return EXIT_FAILURE;
    }
    UniqueFd ours(ends[0]);
    UniqueFd childs(ends[1]);

    // From before the fork, so that none is lost in between.
    const sigset_t before = block_signals();
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) {
        tell("cannot fork");
        sigprocmask(SIG_SETMASK, &before, nullptr);
        return EXIT_FAILURE;
    }
    if (child > 0) {
        childs.reset();
        const int status = wait_for(child, ours.get());
        sigprocmask(SIG_SETMASK, &before, nullptr);
        return status;
    }

    ours.reset();
    setsid();  // ^C reaches the parent alone, which hands it on once
    Background there(std::move(childs));
    const int status = work(there);
    std::fflush(nullptr);
    // Returning would run the caller's part a second time, in this process.
    std::exit(status);
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
    return {};
}

void Background::detach(int status)
{
    if (!log_) {
        return;
    }
    const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
    std::fflush(nullptr);
    if (null) {
        dup2(null.get(), STDIN_FILENO);
    }
    dup2(log_.get(), STDOUT_FILENO);
    dup2(log_.get(), STDERR_FILENO);
    log_.reset();
    ignore_hangup();
    // Whoever wants to unmount what the admin happened to be in.
    if (chdir("/") < 0) {
        tell("cannot leave the working directory");
    }
    // A parent that was killed meanwhile waits for nothing.
    const auto byte = static_cast<uint8_t>(status);
    (void)bool(write_all(parent_.get(), View(&byte, 1)));
    parent_.reset();
}

Status redirect_stderr(const std::string& log)
{
    auto file = open_log_file(log);
    if (!file) {
        return file.error();
    }
    std::fflush(stderr);
    dup2(file->get(), STDERR_FILENO);
    return {};
}

}  // namespace xl_colo
