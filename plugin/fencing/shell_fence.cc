#include "fencing/shell_fence.h"

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <vector>

extern char** environ;

namespace xl_colo {

Status ShellFence::run()
{
    std::vector<std::string> settings;
    for (char** entry = environ; *entry; ++entry) {
        settings.emplace_back(*entry);
    }
    settings.push_back("XL_COLO_DOMAIN=" + domain_);
    settings.push_back("XL_COLO_PRIMARY=" + primary_);
    std::vector<char*> environment;
    for (auto& setting : settings) {
        environment.push_back(setting.data());
    }
    environment.push_back(nullptr);

    // The command starts with the signals of an ordinary program.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    const char* const words[] = {"sh", "-c", command_.c_str(), nullptr};
    pid_t pid = 0;
    const int error =
        posix_spawn(&pid, "/bin/sh", nullptr, &attributes,
                    const_cast<char* const*>(words), environment.data());
    posix_spawnattr_destroy(&attributes);
    if (error) {
        return Error::from_errno(ErrorKind::io, "cannot start a shell", error);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return Error::from_errno(ErrorKind::io,
                                     "cannot wait for the command", errno);
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return {};
    }
    return Error(ErrorKind::refused,
                 WIFEXITED(status)
                     ? "exit status " + std::to_string(WEXITSTATUS(status))
                     : "ended by signal " + std::to_string(WTERMSIG(status)));
}

}  // namespace xl_colo
