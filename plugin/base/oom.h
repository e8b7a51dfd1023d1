// The kernel's choice of what to kill when memory runs out.
#pragma once

#include <string>

namespace xl_colo {

// This process is to be among the last, as far as it may say so: the guest that
// it looks after would stand still. Not so what it forks from here on. Leaves a
// score alone that somebody has set already. Once, with one thread.
void resist_oom();

// Shell commands that put that right in what posix_spawn(3) starts, where
// nothing is run at a fork; with a line end, or empty.
std::string oom_reset_commands();

}  // namespace xl_colo
