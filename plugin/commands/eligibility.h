// Which guests can be protected. Everything is checked before anything is
// changed, and each refusal says what to do.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "hypervisor/host.h"
#include "session/output.h"

namespace xl_colo {

// On the primary, before the peer is even called.
Status check_guest(const DomainFacts& guest, Output output);

// How a loss is settled: what says which of the two hosts has the guest then.
struct Arbiters {
    bool fence, witness;
    bool accept_split_brain;  // the admin knows what there is without them
};
// Whether that will do for a guest with these devices. Two that both send on a
// network, or both write to a disk, do harm that no admin can undo.
Status check_arbiters(const Arbiters& arbiters,
                      const std::vector<DeviceFacts>& devices);

// On the secondary, before it accepts the offer of `name`: name and UUID are
// free, there is memory for it.
Status check_room(Host& host, const std::string& name,
                  const std::string& configuration);

}  // namespace xl_colo
