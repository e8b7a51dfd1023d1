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
    // the child ended with. SIGINT, SIGTERM and SIGHUP that arrive meanwhile
    // are handed to the child, as SIGINT or SIGTERM, for an orderly stop.
    //
    // In the foreground `work` runs here, and detach() does nothing.
    //
    // To be called while the process has one thread. `work` runs with the
    // signal mask that the caller had.
    static int run(bool foreground,
                   const std::function<int(Background&)>& work);

    // The waiting parent leaves with success. From here on this process has no
    // terminal: stdin is /dev/null, stdout and stderr are appended to the file
    // `log`. When that cannot be opened nothing has changed. Any thread, once.
    Status detach(const std::string& log);

private:
    explicit Background(UniqueFd parent) : parent_(std::move(parent)) {}

    UniqueFd parent_;  // a byte or the end tells the parent; none: foreground
};

// Appends stderr, and no more, to the file `log` from here on: for
// xl-colo-receive, whose stdout is the wire.
Status redirect_stderr(const std::string& log);

}  // namespace xl_colo
