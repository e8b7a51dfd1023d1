// Reads a file of options, one a line, as an admin writes it: xl-colo.conf(5).
// It knows no option; options.cc does.
//
//     # a comment, on a line of its own: a "#" further on is part of a value
//     host = beta
//     interval 500ms
//     witness = ssh gamma xl-colo-witness $XL_COLO_ACTION /var/lib/claims
//     verify
//
// The "=" may be left out, as in ssh's files. A value is what follows to the
// end of the line, without blanks around it, and without one pair of double
// quotes around all of it, as xl's files have them; nothing else in it has a
// meaning here, so that a command may be written as a shell would have it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

struct ConfigEntry {
    unsigned line;  // from 1
    std::string name;
    std::optional<std::string> value;  // none: the name stands alone
};

// Errors: io; usage, with file and line in front, for a line that is no entry
// and a name that comes twice.
Result<std::vector<ConfigEntry>> read_config_file(const std::string& path);

// "web1" of "/etc/xl-colo/web1.conf": whom a file is about that does not say.
std::string domain_of_config_file(const std::string& path);

}  // namespace xl_colo
