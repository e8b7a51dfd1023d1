// Commands of an admin's, run by a shell: what joins the hosts, the fence, the
// witness.
//
// What such a command gets is the same for all, whatever this process was
// given and has done to itself since:
//
//     arguments     /bin/sh -c COMMAND
//     stdin         what the caller gives, else /dev/null
//     stdout        what the caller gives, else this process's stderr: it has
//                   no results for the one who typed our command
//     stderr        what the caller gives, else this process's
//     descriptors   no other one, also none that we were started with
//     signals       none is blocked, none is ignored
//     environment   ours, and what the caller adds. Without LIBXL_SAVE_HELPER
//                   and XL_COLO_SAVE_SOCKET: an xl in the command would run
//                   our helper by them
//     oom_score_adj 0, where ours is lower
//     session       one of its own, and so a process group: ^C on our terminal
//                   does not reach it, and a signal of ours reaches all of it
//     folder        ours
//
// Where SIGCHLD is ignored in this process the kernel keeps no exit status:
// the command then ends as one whose status is not known, which is no success.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

// Whether somebody wants a long call to give up. Called by the thread that is
// in that call, some 50 times a second.
using Interrupted = std::function<bool()>;

// One command, from its start until it has been waited for. For one thread at
// a time.
class ChildProcess {
public:
    // Borrowed for the call; -1: as the table says.
    struct Files {
        int in = -1, out = -1, err = -1;
    };
    // `environment`: NAME=VALUE each. Error io, where there is no shell.
    static Result<ChildProcess> spawn(
        const std::string& command, Files files,
        const std::vector<std::string>& environment = {});

    // Ends what still runs, at once.
    ~ChildProcess();
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&&) = delete;

    enum class Waited { ended, timeout, interrupted };
    // Until the shell has ended. What it has left behind in the background may
    // live on, as the master of an ssh does (ControlPersist).
    Waited wait(std::chrono::milliseconds limit,
                const Interrupted& interrupted = nullptr);

    // Ends the command and whatever is in its process group: SIGTERM, up to
    // `grace`, SIGKILL, as much again. True once it has been waited for; not
    // so where the kernel does not let go of it.
    bool end(std::chrono::milliseconds grace);

    // What waitpid(2) gave. Nothing while it runs, nor when that is not known.
    std::optional<int> status() const { return status_; }
    pid_t pid() const { return pid_; }

private:
    explicit ChildProcess(pid_t pid) : pid_(pid) {}
    bool has_ended();
    void reap();

    pid_t pid_;           // -1: moved from
    bool reaped_ = false;
    std::optional<int> status_;
};

// Runs a command to its end: its exit status. A command that is still running
// after `limit`, or when it is not wanted any more, is ended with its group.
// Errors: timeout; aborted, when interrupted; io, when it could not be
// started, or was killed, or its status is not known.
Result<int> run_command(const std::string& command,
                        const std::vector<std::string>& environment,
                        std::chrono::milliseconds limit,
                        const Interrupted& interrupted = nullptr);

}  // namespace xl_colo
