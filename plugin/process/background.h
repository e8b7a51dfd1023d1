// The processes that a command is made of. It forks at the very beginning,
// before there is a thread or a handle of Xen:
//
//     xl-colo-start, the terminal's: waits until its child says how it went
//       the watcher: waits for its child, and sees to the guest if that dies
//         the worker: does everything
//
// In the foreground, and for xl-colo-receive, whose stdin and stdout are the
// wire, the first is the watcher. A watcher holds nothing: no descriptor of the
// wire's, no handle, no thread, hardly any memory.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "process/watch_record.h"

namespace xl_colo {

class Background {
public:
    enum class Place {
        background,  // once detached; until then on the terminal
        foreground,  // detach() does nothing
        wire,        // only stderr is ours, and the log's once detached
    };
    using Work = std::function<int(Background&)>;
    // What the watcher does when its worker has died in the middle of
    // something: the record says of what, `how` by what ("signal 9: Killed").
    using Aftermath =
        std::function<int(Background&, const WatchRecord::Findings&,
                          const std::string& how)>;

    // Runs `work` in a process of its own, in a session of its own, and returns
    // the exit status for this one: that of detach() once the worker has left
    // the terminal, else what it ended with. Signals that wish for a stop and
    // arrive meanwhile are handed to it.
    //
    // To be called while the process has one thread. `work` and `aftermath` run
    // with the signals blocked, as block_signals() does it.
    static int run(Place place, const Work& work, const Aftermath& aftermath);

    bool in_foreground() const { return place_ == Place::foreground; }
    WatchRecord& record() { return record_; }

    // Opens the file that detach() is going to write to. In the foreground
    // there is none. Error io; better early than when there is no way back.
    Status open_log(const std::string& path);
    // The process on the terminal leaves with the exit status `status`. From
    // here on this one, and its watcher, has no terminal, nor hears of its
    // hangup: stdin is /dev/null, stdout and stderr are appended to the log,
    // which must be open, and the working directory is the root. On the wire
    // only stderr changes. Any thread; only the first call does anything.
    void detach(int status);

private:
    Background(Place place, UniqueFd above, WatchRecord& record)
        : place_(place), above_(std::move(above)), record_(record) {}
    int watch(pid_t worker, UniqueFd from_worker, const Aftermath& aftermath);
    void leave_terminal();

    const Place place_;
    UniqueFd above_;  // takes a byte, the exit status: to whoever waits for us
    WatchRecord& record_;
    UniqueFd log_;
};

}  // namespace xl_colo
