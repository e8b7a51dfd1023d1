// A gate of ours (network/gate.h) asks tc for filters that the kernel of a
// virtual machine without modules may lack: matchall, fw, and skbedit. A host
// that runs Xen has them. Where they are missing, the same is said with u32 and
// bpf, so that the gate itself, and what its frames go through, can be
// measured there as well.
#pragma once

#include <string>

namespace xl_colo::bench {

// Sees to it that a gate can be set up by this process from here on: what was
// put in place of what, for the report, or nothing, if nothing had to be.
// Throws Missing. `tc_without`: the script of that name.
std::string provide_filters(const std::string& tc_without);

}  // namespace xl_colo::bench
