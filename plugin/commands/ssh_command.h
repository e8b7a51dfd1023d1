// The command line that reaches the other host.
#pragma once

#include <string>

#include "commands/options.h"

namespace xl_colo {

// One word for the shell, whatever is in it.
std::string shell_word(const std::string& text);

// "exec ssh HOST xl-colo-receive -v", or just `host` when the ssh command is
// empty. The host is quoted for the shell, the ssh command is not: it may hold
// options.
std::string transport_command(const StartOptions& options);

}  // namespace xl_colo
