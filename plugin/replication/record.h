// What a host remembers of a disk that this program has put on DRBD, also when
// it has gone down meanwhile: one file for each in /var/lib/xl-colo.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

struct ReplicaRecord {
    std::string resource;  // DRBD's name of it: the guest's, "-", the disk's
    std::string guest;
    std::string device;    // path of the plain disk here
    std::string peer;      // whom the guest's host tells when it is over
    std::string ssh_command;  // and how
    uint16_t port = 0;     // of DRBD's connection, on both hosts
    // A fence or a witness says after a loss who has the guest, so that what
    // the other host has on its disk is void.
    bool has_arbiter = false;
    // The disk is on DRBD, or was when this host went down. Otherwise only this
    // is known: it is a replica that was left, and how it began then.
    bool in_use = false;
    std::string left;
    bool operator==(const ReplicaRecord&) const = default;
};

// Errors: io.
Status save(const ReplicaRecord& record);
void forget(const std::string& resource);
std::optional<ReplicaRecord> record_of(const std::string& resource);
// Those in use, by resource.
std::vector<ReplicaRecord> records_of_guest(const std::string& guest);

}  // namespace xl_colo
