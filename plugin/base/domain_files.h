// What lies on this host's disk and in its memory for a domain: where, and
// under which name.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace xl_colo {

// For what lives as long as a session: sockets, and the device state on its way
// into QEMU. /run/xl-colo or $XL_COLO_RUN_DIR. It is memory (tmpfs) on every
// current distribution, and nobody but root gets in.
std::string run_folder();
// For what has to be there after the host went down: /var/lib/xl-colo or
// $XL_COLO_STATE_DIR.
std::string state_folder();
// Makes it if need be. Error io when it cannot be made, or is not a folder that
// belongs to us alone.
Status make_private_folder(const std::string& path);

// The log of a domain's process: xl-colo-<domain>.log in Xen's log folder,
// /var/log/xen, or in $XL_COLO_LOG_DIR.
std::string log_path(const std::string& domain);

// "a/b" is "a%2Fb": letters, digits, '_', '-', '+' and a '.' that is not the
// first stand for themselves, any other byte is %XX. The way back gives nothing
// for what domain_file_name() does not make.
std::string domain_file_name(const std::string& domain);
std::optional<std::string> domain_of_file_name(const std::string& file_name);

}  // namespace xl_colo
