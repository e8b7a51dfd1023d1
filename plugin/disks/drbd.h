// DRBD, by what its own programs say and do: one resource is one or several
// volumes, each a block device on both hosts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

// One volume, as this host sees it. The words are DRBD's own: "UpToDate",
// "Connected", "Secondary".
struct DrbdVolume {
    std::string resource;
    unsigned volume = 0;
    unsigned minor = 0;
    std::string role, disk;
    uint64_t written_kib = 0;  // to the disk here, since it is up
    struct Peer {
        std::string connection, role, replication, disk;
        uint64_t out_of_sync_kib = 0;
        uint64_t unacked = 0;  // writes of its that are not done here yet
        bool operator==(const Peer&) const = default;
    };
    std::vector<Peer> peers;
    bool operator==(const DrbdVolume&) const = default;
};

// To a peer, if there is one.
bool is_connected(const DrbdVolume& volume);
// And does not try to be.
bool stands_alone(const DrbdVolume& volume);

// Any thread. Each call runs a program. Errors: refused, where DRBD is not
// installed; io, with what it said; timeout.
class Drbd {
public:
    virtual ~Drbd() = default;

    // Of all resources that are up.
    virtual Result<std::vector<DrbdVolume>> volumes() = 0;
    // A, B or C.
    virtual Result<char> protocol(const std::string& resource) = 0;
    // Path of what a volume is kept on.
    virtual Result<std::string> lower_device(const std::string& resource,
                                             unsigned volume) = 0;

    // From now on, of all resources: what the guest writes is copied before it
    // is sent. The kernel would otherwise keep the guest's own pages until the
    // other host has acknowledged them, or TCP gives up after a quarter of an
    // hour; and a backend whose guest goes meanwhile waits for them in the one
    // thread that serves all backends of domain 0.
    virtual Status send_copies() = 0;

    // From now on zeros are written here where the peer discards, whether the
    // lower device would take that or not. What has begun goes on as it did.
    virtual Status zero_what_is_discarded(const DrbdVolume& volume) = 0;
    // Ends that, unless the admin has it so.
    virtual Status discard_as_configured(const DrbdVolume& volume) = 0;

    virtual Status promote(const std::string& resource) = 0;
    virtual Status demote(const std::string& resource) = 0;
    virtual Status disconnect(const std::string& resource) = 0;
    // Returns before it is connected. `discard`: if both sides have written,
    // what this one wrote is thrown away.
    virtual Status connect(const std::string& resource, bool discard) = 0;

    // Of a resource that is configured and not up: metadata of one that has
    // never been synchronised, over whatever is there.
    virtual Status create_metadata(const std::string& resource) = 0;
    // As configured; returns before it is connected.
    virtual Status up(const std::string& resource) = 0;
    // Nobody may have its device open.
    virtual Status down(const std::string& resource) = 0;
    // Of one that has never been synchronised: its disk here is the one that
    // counts.
    virtual Status promote_first(const std::string& resource) = 0;

    // Error refused when there is none.
    Result<DrbdVolume> find(const std::string& resource, unsigned volume);
    Result<DrbdVolume> find_minor(unsigned minor);
};

std::unique_ptr<Drbd> make_drbd();

// The output of "drbdsetup events2 --now". Lines of other kinds than those of
// resources, connections, devices and peer devices are passed over. Error io
// where a line of these lacks something.
Result<std::vector<DrbdVolume>> parse_drbd_events(const std::string& text);

// That of "drbdsetup show RESOURCE".
char parse_drbd_protocol(const std::string& text);

// That of "drbdadm -d dump RESOURCE": whether what is discarded may be
// discarded here as well. Not, if it says so of any of the volumes.
bool parse_drbd_discards(const std::string& text);

// What speaks against a checkpoint, or a start: both sides must have all that
// was written. Error refused, in words for an admin.
Status check_in_step(const DrbdVolume& volume);

}  // namespace xl_colo
