// --verify: after a checkpoint, both guests suspended, both hosts compare a
// digest of every page. The primary sends its digests, the secondary answers
// with what differs, and the primary judges. Left out are the hypervisor's own
// pages, Domain::hypervisor_pages(), and those that the primary's backends may
// write to past the dirty log, Domain::pages_backends_write().
#pragma once

#include <string>
#include <vector>

#include "hypervisor/domain.h"
#include "session/peer.h"

namespace xl_colo {

struct Differences {
    Pages count;
    std::vector<std::string> first;  // how the first ones do, at most 64
    Pages events;  // not counted: they differ by PageDifference::is_event

    std::string text() const;  // "2 pages differ: 0x10 (byte 0x7) ..."
};

// Primary: sends the digests and waits for the answer.
Result<Differences> verify_as_primary(Peer& peer, Domain& domain,
                                      CheckpointNumber number, Pages gfns,
                                      View key);

// Secondary: takes them, compares and answers. How many pages differ.
Result<Pages> verify_as_secondary(Peer& peer, Domain& domain,
                                  CheckpointNumber number, Pages gfns,
                                  View key);

}  // namespace xl_colo
