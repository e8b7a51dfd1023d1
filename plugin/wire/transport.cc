#include "wire/transport.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/descriptors.h"

extern char** environ;

namespace xl_colo {

namespace {

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Result<Pipe> make_pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return Error::from_errno(ErrorKind::io, "cannot make a pipe", errno);
    }
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A running sh -c `command` with these as its stdin, stdout and stderr. POSIX
// asks for care between fork and exec in a process with threads; posix_spawn
// takes it.
Result<pid_t> spawn(const std::string& command, int in, int out, int err)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);

    // ssh wants its signals as a login shell has them, not as we set them.
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
                                              POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);

    // libxl-glue names our own helper to libxl so; an xl in `command` is none
    // of its concern.
    std::vector<char*> environment;
    for (char** variable = environ; *variable; ++variable) {
        if (!std::string_view(*variable).starts_with("LIBXL_SAVE_HELPER=")) {
            environment.push_back(*variable);
        }
    }
    environment.push_back(nullptr);

    std::string words[] = {"sh", "-c", command};
    char* argv[] = {words[0].data(), words[1].data(), words[2].data(),
                    nullptr};
    pid_t pid = -1;
    const int r = posix_spawn(&pid, "/bin/sh", &files, &attributes, argv,
                              environment.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (r != 0) {
        return Error::from_errno(ErrorKind::io, "cannot run a shell", r);
    }
    return pid;
}

}  // namespace

Result<std::unique_ptr<Transport>> Transport::open(const std::string& command)
{
    auto to_child = make_pipe();
    if (!to_child) {
        return to_child.error();
    }
    auto from_child = make_pipe();
    if (!from_child) {
        return from_child.error();
    }
    auto messages = make_pipe();
    if (!messages) {
        return messages.error();
    }
    auto pid = spawn(command, to_child->read.get(), from_child->write.get(),
                     messages->write.get());
    if (!pid) {
        return pid.error();
    }
    return std::unique_ptr<Transport>(new Transport(
        command, *pid, std::move(from_child->read),
        std::move(to_child->write), std::move(messages->read)));
}

Transport::Transport(std::string command, pid_t pid, UniqueFd input,
                     UniqueFd output, UniqueFd messages)
    : command_(std::move(command)),
      pid_(pid),
      input_(std::move(input)),
      output_(std::move(output)),
      messages_(std::move(messages)),
      finished_(eventfd(0, EFD_CLOEXEC)),
      passing_([this] { pass_on_messages(); })
{
}

Transport::~Transport()
{
    input_.reset();
    output_.reset();
    // The whole group: the command may be a pipeline.
    if (!ended_within(grace)) {
        kill(-pid_, SIGTERM);
    }
    if (!ended_within(grace)) {
        kill(-pid_, SIGKILL);
        ended_within(grace);
    }
    eventfd_write(finished_.get(), 1);
    passing_.join();
}

// Passes on whole lines, so that ours and theirs do not mix on one. The end of
// the command ends it, not the end of file: an ssh that leaves a master process
// behind (ControlPersist) keeps the pipe open.
void Transport::pass_on_messages()
{
    std::string kept;
    std::array<char, 4096> bytes;
    for (;;) {
        std::array<pollfd, 2> fds{pollfd{messages_.get(), POLLIN, 0},
                                  pollfd{finished_.get(), POLLIN, 0}};
        if (!poll_until(fds)) {
            continue;
        }
        ssize_t r = 0;
        if (fds[0].revents) {
            r = read(messages_.get(), bytes.data(), bytes.size());
            if (r < 0 && errno == EINTR) {
                continue;
            }
        }
        if (r > 0) {
            kept.append(bytes.data(), static_cast<size_t>(r));
        } else if (!kept.empty()) {
            kept += '\n';
        }
        const size_t lines = kept.size() > bytes.size()
                                 ? kept.size()
                                 : kept.find_last_of("\r\n") + 1;
        if (lines > 0) {
            // With nowhere to show it, the far side must not stall on that.
            [[maybe_unused]] const auto written =
                write(STDERR_FILENO, kept.data(), lines);
            kept.erase(0, lines);
        }
        if (r <= 0) {
            return;
        }
    }
}

// Looks every few ms: a pidfd would be exact, but kernels before 5.3 have none
// and are still run as dom0.
bool Transport::ended_within(std::chrono::milliseconds wait)
{
    const auto deadline = std::chrono::steady_clock::now() + wait;
    while (!status_) {
        int status = 0;
        const pid_t r = waitpid(pid_, &status, WNOHANG);
        if (r == pid_) {
            status_ = status;
        } else if (r < 0 && errno != EINTR) {
            status_ = 0;  // somebody else's handler took it: it has ended
        } else if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        } else {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    return true;
}

std::optional<std::string> Transport::failure(std::chrono::milliseconds wait)
{
    if (!ended_within(wait) || *status_ == 0) {
        return std::nullopt;
    }
    const std::string what = "the command \"" + command_ + "\" ";
    if (WIFSIGNALED(*status_)) {
        const int number = WTERMSIG(*status_);
        return what + "was killed by signal " + std::to_string(number) + ": " +
               strsignal(number);
    }
    const int code = WEXITSTATUS(*status_);
    const std::string ended = what + "ended with " + std::to_string(code);
    switch (code) {
    case 126:
        return ended + ": a program in it may not be run";
    case 127:
        return ended +
               ": a program was not found; is xl-colo installed on the other "
               "host, with xl-colo-receive in root's PATH";
    case 255:
        return ended +
               ": ssh did not get through; root needs to log in there without "
               "a password, and once by hand for the host key";
    default:
        return ended + ": see the messages above";
    }
}

}  // namespace xl_colo
