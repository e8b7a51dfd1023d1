// --verify: after a checkpoint, both guests suspended, both hosts compare a
// digest of every page. The primary sends its digests, the secondary answers
// with what differs. Only the pages that HVM params name as the hypervisor's
// own are left out.
#pragma once

#include <string>
#include <vector>

#include "conversation.h"
#include "glue.h"

namespace xl_colo {

struct Differences {
    Pages count;
    std::vector<Pfn> first;  // the first ones, at most 64

    std::string text() const;  // "3 pages differ: 0x10, 0x11, 0xfe"
};

// Primary: sends the digests and waits for the answer.
Result<Differences> verify_as_primary(Conversation& peer, Domain& domain,
                                      CheckpointNumber number, Pages gfns,
                                      View key);

// Secondary: takes them, compares and answers.
Result<Differences> verify_as_secondary(Conversation& peer, Domain& domain,
                                        CheckpointNumber number, Pages gfns,
                                        View key);

}  // namespace xl_colo
