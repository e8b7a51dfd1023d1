// The program itself over fake hosts: a test that calls run_as_command() first
// of all is the program when it is run under one of its names, with this
// open_host() in place of libxl-glue's. The environment says which host that
// is, because a process has nothing else to go by:
//
//     FAKE_HOST     the host's folder; its last part is the host's name, and
//                   "domains" in it is the table of domains
//     FAKE_FAULTS   "call:nth:what", with commas between; `what` is
//                   "fail"; "kill", the process by SIGKILL; "throw", an
//                   exception; "hold", for good
#pragma once

#include <optional>
#include <string>

namespace xl_colo {

// The exit status of the command, if argv[0] names one; main() returns it.
std::optional<int> run_as_command(int argc, char** argv);

// The table of domains in a host's folder.
std::string domain_table_in(const std::string& folder);

}  // namespace xl_colo
