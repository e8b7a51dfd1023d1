// What each signal means to a process that protects a guest, and to the one
// that waits for it on the terminal:
//
//     INT QUIT TERM                    stop in order
//     HUP                              the same; nothing, if it is ignored
//     ABRT BUS FPE ILL SEGV SYS TRAP   a bug: the process ends
//     CHLD CONT URG WINCH              what they always do
//     KILL STOP                        cannot be helped
//     all others                       nothing
//
// The terminal's hangup is ignored from when the process has left it, and from
// the beginning where whoever started it said so, as nohup(1) does. What ends
// an ordinary program at once, such as a forgotten USR1, an alarm or a file
// that is too large, would leave a guest that stands still; so would ^Z.
//
// They are blocked, not ignored: a program that this one starts begins with
// what it would have had, because everything here that starts one, libxl too,
// unblocks them for it.
#pragma once

#include <signal.h>

#include <optional>

#include "base/unique_fd.h"

namespace xl_colo {

// Blocks all that the table means to do something or nothing about, for this
// thread and those to come: before the first other thread. Puts SIGCHLD right
// if it was ignored: nobody could wait for a child then. The mask from before.
sigset_t block_signals();
// What block_signals() found. Signals that wait are taken: what is over when
// they come is not to end by them.
void restore_signals(const sigset_t& before);

// For as long as nothing is at stake those that wish for a stop may end the
// process as they like; block_signals() ends that.
void allow_stop_signals();

// The process has no terminal any more.
void ignore_hangup();

// Where blocked signals can be read from; not blocking.
UniqueFd open_signals();
// One of them, if it wishes for a stop: its name. Nothing for another, and when
// there is none.
struct StopSignal {
    int number;
    const char* name;
    pid_t sender;  // 0: the kernel, for a terminal
};
std::optional<StopSignal> read_stop_signal(const UniqueFd& signals);

}  // namespace xl_colo
