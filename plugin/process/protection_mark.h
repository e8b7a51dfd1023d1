// What tells on a host that went down while it protected a guest that the guest
// may be elsewhere by now: a file on its disk, as long as the other host may
// take over.
//
//     /var/lib/xl-colo/DOMAIN.protected, or in $XL_COLO_STATE_DIR
//
// One line, for people. Whatever starts guests at boot has to leave one alone
// whose file is there: nothing else keeps the guest from running twice.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

std::string mark_path(const std::string& domain);

// Written through to the disk. Error io.
Status set_mark(const std::string& domain, const std::string& peer,
                const std::string& session);
// No error where there is none.
Status clear_mark(const std::string& domain);
// What it says.
std::optional<std::string> read_mark(const std::string& domain);
// Domains that have one, by name.
std::vector<std::string> marked_domains();

}  // namespace xl_colo
