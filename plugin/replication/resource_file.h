// DRBD's configuration of one disk between two hosts, as /etc/drbd.d has it on
// one of them. It is what is so at the moment: after this host went down the
// device of the metadata is another one, and the file is written anew.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "replication/route.h"

namespace xl_colo {

struct ResourcePlace {
    std::string resource;
    unsigned minor = 0;    // of DRBD's device here
    std::string lower;     // path of what the disk is kept on here
    std::string metadata;  // path of the device that DRBD's notes are on here
    Route route;
};

std::string resource_text(const ResourcePlace& place);

// In /etc/drbd.d or $XL_COLO_DRBD_DIR. Errors: refused, where DRBD is not
// installed; io.
Status write_resource_file(const ResourcePlace& place);
void remove_resource_file(const std::string& resource);
// Removes those of all others.
void keep_resource_files(const std::vector<std::string>& resources);
// Whether any resource's file here, also an admin's, names the port.
bool is_configured(uint16_t port);

}  // namespace xl_colo
