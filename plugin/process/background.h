// xl-colo-start leaves the terminal once the first checkpoint stands. It forks
// at the very beginning, before there is a thread or a handle of Xen: the child
// does everything, the parent only waits and passes on how it went.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace xl_colo {

class Background {
public:
    // Runs `work` in a child process in a session of its own and returns the
    // exit status for this one: success once the child has detached, else what
    // the child ended with. Signals that wish for a stop and arrive
    // meanwhile are handed to the child.
    //
    // In the foreground `work` runs here, and detach() does nothing.
    //
    // To be called while the process has one thread. `work` runs with the
    // signals blocked, as block_signals() does it.
    static int run(bool foreground,
                   const std::function<int(Background&)>& work);

    bool in_foreground() const { return foreground_; }

    // Opens the file that detach() is going to write to. In the foreground
    // there is none. Error io; better early than when there is no way back.
    Status open_log(const std::string& path);
    // The waiting parent leaves with the exit status `status`. From here on
    // this process has no terminal, nor hears of its hangup: stdin is /dev/null,
    // stdout and stderr are appended to the log, which must be open, and the
    // working directory is the root. Any thread; only the first call does
    // anything.
    void detach(int status);

private:
    explicit Background(UniqueFd parent)
        : foreground_(!parent), parent_(std::move(parent)) {}

    const bool foreground_;
    UniqueFd parent_;  // a byte or the end tells the parent
    UniqueFd log_;
};

// Appends stderr, and no more, to the file `log` from here on: for
// xl-colo-receive, whose stdout is the wire.
Status redirect_stderr(const std::string& log);

}  // namespace xl_colo
