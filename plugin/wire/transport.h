// The command that joins the two hosts: ssh, or what -s names, started by a
// shell as `xl migrate` does it, with the wire as its stdin and stdout.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/child_process.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace xl_colo {

// One running command, with what base/child_process.h gives all, but that it
// ignores SIGHUP and SIGTERM. Nor does ^C on the terminal reach it: this
// program ends the connection in order instead. What it writes to stderr, the
// far side's messages among it, is passed on to this process's stderr, wherever
// that points at the time.
class Transport {
public:
    static Result<std::unique_ptr<Transport>> open(const std::string& command);
    // Closes what is still open, gives the command `grace` to end by itself,
    // then as much after SIGTERM, which it may hear all the same, then after
    // SIGKILL; waits no longer.
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    // The wire; each can be taken once.
    UniqueFd take_input() { return std::move(input_); }
    UniqueFd take_output() { return std::move(output_); }

    // Why the connection broke, as far as the command's end tells it: a
    // sentence with what to do, such as for a missing program (127) or an ssh
    // that did not get through (255). Nothing when the command still runs
    // after `wait`, or ended with 0. One thread at a time.
    std::optional<std::string> failure(std::chrono::milliseconds wait);

    static constexpr std::chrono::milliseconds grace{2000};

private:
    Transport(std::string command, ChildProcess child, UniqueFd input,
              UniqueFd output, UniqueFd messages);
    void pass_on_messages();

    std::string command_;
    ChildProcess child_;
    UniqueFd input_;             // we read what the far side writes
    UniqueFd output_;
    UniqueFd messages_;
    UniqueFd finished_;  // an eventfd: readable once the command has ended
    std::thread passing_;
};

}  // namespace xl_colo
