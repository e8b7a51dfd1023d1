// What the tests of the commands share: a bed of two hosts, and how a command
// ended.
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include "command_bed.h"
#include "command_host.h"

#include "check.h"  // last: its fail() is a macro

namespace xl_colo {

using On = CommandBed::On;

// kill(2), but never to all: a process that is not there has the number 0.
inline void send_signal(pid_t pid, int number)
{
    if (pid <= 1) {
        fail_msg("no process to send signal %d to", number);
    }
    kill(pid, number);
}

// The bed of one test; nothing of it is left when this goes.
struct Scratch {
    ScratchFolder folder;
    CommandBed bed{folder.path()};
};

inline bool ended_with(const CommandBed::Ran& ran, int status)
{
    return WIFEXITED(ran.status) && WEXITSTATUS(ran.status) == status;
}

inline bool succeeded(const CommandBed::Ran& ran)
{
    return ended_with(ran, 0);
}

inline bool failed(const CommandBed::Ran& ran)
{
    return ended_with(ran, 1);
}

// Web1 is protected by both once this is true.
inline bool protect(CommandBed& bed, std::vector<std::string> options = {})
{
    return succeeded(bed.run(On::alpha, bed.start(std::move(options)))) &&
           bed.wait_for_state(On::beta, State::protecting);
}

}  // namespace xl_colo
