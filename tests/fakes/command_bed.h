// Two hosts, "alpha" and "beta", on which the program's own commands run as
// processes: command_host.h. Each host has its folders for sockets and logs.
//
//     xl-colo-start  <-- relay -->  xl-colo-receive
//
// The relay is the network: a process to stop or to kill. Whatever was started
// here, in the background or not, ends with the bed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "domain_table.h"
#include "status/status.h"

namespace xl_colo {

class CommandBed {
public:
    enum class On { alpha, beta };

    // `folder`: empty, and gone when the caller says so. A guest "web1" with
    // domid 1 runs on alpha.
    explicit CommandBed(const std::string& folder);
    ~CommandBed();
    CommandBed(const CommandBed&) = delete;
    CommandBed& operator=(const CommandBed&) = delete;

    // For commands that are started from here on; see command_host.h.
    void set_faults(On host, const std::string& faults);
    // The words of an xl-colo-start of web1 to beta with short times, and these
    // besides.
    std::vector<std::string> start(std::vector<std::string> more = {}) const;

    struct Ran {
        int status = -1;  // as waitpid gives it; -1: it did not end in time
        std::string out, err;
    };
    // Runs a command to its end.
    Ran run(On host, const std::vector<std::string>& words);
    // Or in two steps.
    pid_t begin(On host, const std::vector<std::string>& words);
    Ran end(pid_t pid);

    // Of web1.
    Result<SessionStatus> status(On host) const;
    bool wait_for_state(On host, State state) const;
    // What its processes have said in the background.
    std::string log(On host) const;
    // What stands in the file of `pid`'s messages so far.
    std::string messages(pid_t pid) const;

    // Web1's and its copy's, or null while there is no copy.
    DomainRecord& guest() { return *alpha_domains_.find(Domid{1}); }
    DomainRecord* copy() { return beta_domains_.find(Domid{1}); }
    bool guest_runs() { return runs(guest()); }
    bool copy_runs() { return copy() && runs(*copy()); }
    static bool runs(const DomainRecord& domain)
    {
        return domain.state == GuestState::running && domain.pauses == 0;
    }

    // The process that answers for web1 there; 0: none does.
    pid_t process(On host) const;
    // All that run `command`.
    static std::vector<pid_t> processes(const std::string& command);

    const std::string& folder() const { return folder_; }
    std::string folder(On host) const;

    // Until it is so; false after half a minute.
    static bool wait_for(const std::function<bool()>& so);

private:
    std::string folder_;
    DomainTable alpha_domains_, beta_domains_;
    std::string alpha_faults_;
};

}  // namespace xl_colo
