#include "commands/ssh_command.h"

namespace xl_colo {

std::string shell_word(const std::string& text)
{
    std::string result = "'";
    for (const char c : text) {
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return result + "'";
}

std::string transport_command(const StartOptions& options)
{
    if (options.ssh_command.empty()) {
        return options.host;
    }
    std::string command = "exec " + options.ssh_command + " " +
                          shell_word(options.host) + " xl-colo-receive";
    if (options.verbose > 0) {
        command += " -" + std::string(static_cast<size_t>(options.verbose),
                                      'v');
    }
    return command;
}

}  // namespace xl_colo
