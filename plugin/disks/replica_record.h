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
    // The disk is on DRBD, or was when this host went down. Otherwise only this
    // is known: it is a replica that was left, and by what it is known again.
    bool in_use = false;
    std::string left{};
    // What the volume holds, should this host go down now. Not whole: neither
    // one state of the disk nor another, as it is being copied or merged.
    bool is_whole = true;
    // The guest has gone on here without the other host, as nobody else has it.
    bool is_alone = false;
    bool operator==(const ReplicaRecord&) const = default;
};

// It is on this host's disk when it returns. Errors: io.
Status save(const ReplicaRecord& record);
// Nothing where there is no record, as of an admin's own resource.
Status note_replica(const std::string& resource, bool is_whole, bool is_alone);
void forget(const std::string& resource);
std::optional<ReplicaRecord> record_of(const std::string& resource);
// Those in use, by resource.
std::vector<ReplicaRecord> records_of_guest(const std::string& guest);

}  // namespace xl_colo
