#include "base/child_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "base/errors.h"
#include "base/oom.h"

extern char** environ;

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

// A pidfd would make looking again needless, but kernels before 5.3 have none
// and are still run as dom0.
constexpr std::chrono::milliseconds look_again{5};
constexpr std::chrono::milliseconds ask_again{20};

// What a command that is not wanted any more gets to tidy up.
constexpr std::chrono::seconds grace_of_unwanted{1};

struct CloseFolder {
    void operator()(DIR* folder) const { closedir(folder); }
};

// All descriptors above stderr, to be closed in the child. One that another
// thread opens meanwhile is marked close-on-exec, as all are that this program
// opens; but those that it was started with need not be. It is no error if one
// is gone by then.
void close_the_rest(posix_spawn_file_actions_t& files)
{
    const std::unique_ptr<DIR, CloseFolder> folder(opendir("/proc/self/fd"));
    while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        int fd = -1;
        std::from_chars(name.data(), name.data() + name.size(), fd);
        if (fd > STDERR_FILENO && fd != dirfd(folder.get())) {
            posix_spawn_file_actions_addclose(&files, fd);
        }
    }
}

bool is_ours_alone(std::string_view setting)
{
    return setting.starts_with("LIBXL_SAVE_HELPER=") ||
           setting.starts_with("XL_COLO_SAVE_SOCKET=");
}

// The first of two settings of a name counts for some programs, the last for
// others: an added one replaces ours.
std::vector<std::string> environment_with(
    const std::vector<std::string>& added)
{
    std::vector<std::string> all = added;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view setting = *entry;
        const std::string_view name =
            setting.substr(0, setting.find('=') + 1);
        const bool replaced =
            std::ranges::any_of(added, [&](const std::string& other) {
                return other.starts_with(name);
            });
        if (!replaced && !is_ours_alone(setting)) {
            all.emplace_back(setting);
        }
    }
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& words)
{
    std::vector<char*> all;
    for (auto& word : words) {
        all.push_back(word.data());
    }
    all.push_back(nullptr);
    return all;
}

}  // namespace

// POSIX asks for care between fork and exec in a process with threads;
// posix_spawn takes it.
Result<ChildProcess> ChildProcess::spawn(
    const std::string& command, Files wanted,
    const std::vector<std::string>& environment)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    if (wanted.in < 0) {
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
                                         O_RDONLY, 0);
    } else {
        posix_spawn_file_actions_adddup2(&files, wanted.in, STDIN_FILENO);
    }
    posix_spawn_file_actions_adddup2(
        &files, wanted.out < 0 ? STDERR_FILENO : wanted.out, STDOUT_FILENO);
    if (wanted.err >= 0) {
        posix_spawn_file_actions_adddup2(&files, wanted.err, STDERR_FILENO);
    }
    close_the_rest(files);

    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
                                              POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);

    std::vector<std::string> words{"sh", "-c", oom_reset_commands() + command};
    std::vector<std::string> settings = environment_with(environment);
    pid_t pid = -1;
    const int r =
        posix_spawn(&pid, "/bin/sh", &files, &attributes,
                    pointers(words).data(), pointers(settings).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (r != 0) {
        return io_error("cannot run a shell", r);
    }
    return ChildProcess(pid);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      reaped_(other.reaped_),
      status_(other.status_)
{
}

ChildProcess::~ChildProcess()
{
    if (pid_ > 0 && !reaped_) {
        end(std::chrono::milliseconds(0));
    }
}

// Leaves it to be waited for: as long as it is, its number is no other's.
bool ChildProcess::has_ended()
{
    if (reaped_) {
        return true;
    }
    siginfo_t info{};
    int r;
    do {
        r = waitid(P_PID, static_cast<id_t>(pid_), &info,
                   WEXITED | WNOHANG | WNOWAIT);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        reaped_ = true;  // somebody else has, or SIGCHLD is ignored
        return true;
    }
    return info.si_pid == pid_;
}

void ChildProcess::reap()
{
    int status = 0;
    if (!reaped_ && waitpid(pid_, &status, WNOHANG) == pid_) {
        status_ = status;
    }
    reaped_ = true;
}

ChildProcess::Waited ChildProcess::wait(std::chrono::milliseconds limit,
                                        const Interrupted& interrupted)
{
    const auto deadline = Clock::now() + limit;
    auto next_question = Clock::now();
    while (!has_ended()) {
        const auto now = Clock::now();
        if (now >= deadline) {
            return Waited::timeout;
        }
        if (interrupted && now >= next_question) {
            if (interrupted()) {
                return Waited::interrupted;
            }
            next_question = now + ask_again;
        }
        std::this_thread::sleep_for(look_again);
    }
    reap();
    return Waited::ended;
}

bool ChildProcess::end(std::chrono::milliseconds grace)
{
    const auto ended_within = [this](std::chrono::milliseconds limit) {
        const auto deadline = Clock::now() + limit;
        while (!has_ended()) {
            if (Clock::now() >= deadline) {
                return false;
            }
            std::this_thread::sleep_for(look_again);
        }
        return true;
    };
    if (reaped_) {
        return true;
    }
    if (grace.count() > 0) {
        kill(-pid_, SIGTERM);
        ended_within(grace);
    }
    // Also when the shell has ended: others of its group need not have. Not
    // once it has been waited for: the number may be another group's by then.
    if (!reaped_) {
        kill(-pid_, SIGKILL);
    }
    // Killed, it ends as soon as it is in no call of the kernel's.
    if (!ended_within(std::max(grace, std::chrono::milliseconds(1000)))) {
        return false;
    }
    reap();
    return true;
}

Result<int> run_command(const std::string& command,
                        const std::vector<std::string>& environment,
                        std::chrono::milliseconds limit,
                        const Interrupted& interrupted)
{
    auto child = ChildProcess::spawn(command, {}, environment);
    if (!child) {
        return child.error();
    }
    const auto waited = child->wait(limit, interrupted);
    if (waited != ChildProcess::Waited::ended) {
        child->end(grace_of_unwanted);
        return waited == ChildProcess::Waited::timeout
                   ? Error(ErrorKind::timeout,
                           "no answer within " +
                               std::to_string(limit.count()) + " ms")
                   : Error(ErrorKind::aborted, "interrupted");
    }
    if (!child->status()) {
        return Error(ErrorKind::io, "its exit status is not known");
    }
    if (WIFEXITED(*child->status())) {
        return WEXITSTATUS(*child->status());
    }
    return Error(ErrorKind::io, "ended by signal " +
                                    std::to_string(WTERMSIG(*child->status())));
}

}  // namespace xl_colo
