// --verify-disks: after a checkpoint, guest and copy standing, both hosts read
// each disk whole and compare digests of its pieces. The primary sends those of
// some pieces and reads the next while the secondary reads the same and answers
// which differ.
#pragma once

#include <string>
#include <vector>

#include "devices/device_set.h"
#include "session/peer.h"

namespace xl_colo {

struct DiskDifferences {
    uint64_t count = 0;              // of pieces, on all disks
    std::vector<std::string> first;  // "xvda at 5 MiB", at most 16

    // "2 pieces of disks differ, of 1 MiB each: xvda at 5 MiB, ..."
    std::string text() const;
};

// Primary. Errors: those of Peer::expect() and of the devices.
Result<DiskDifferences> verify_disks_as_primary(Peer& peer, DeviceSet& devices,
                                                CheckpointNumber number,
                                                View key);

// Secondary: answers until the primary has no more. Adds how many pieces
// differ, as far as it has come, also after an error.
Status verify_disks_as_secondary(Peer& peer, DeviceSet& devices,
                                 CheckpointNumber number, View key,
                                 uint64_t& differing);

}  // namespace xl_colo
