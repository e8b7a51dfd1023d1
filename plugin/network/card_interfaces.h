// Which interfaces of this host are a guest's card, and whether a session can
// get between them and the bridge.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "hypervisor/host.h"

namespace xl_colo {

struct CardInterface {
    std::string name;
    bool emulated;
};

// That of the PV card, and that of the emulated one, where there is one: a
// guest with PV drivers unplugs it.
std::vector<CardInterface> interfaces_of(const CardFacts& card, Domid domid);

// What speaks against a guest with that card, on any host. Error refused. The
// facts may be a peer's.
Status check_card(const DeviceFacts& card);

// What this host lacks for it. Error refused, with what to do.
Status check_host_for_card(const DeviceFacts& card);

// Lets through whatever a process of ours that is gone has closed of the cards
// among `devices`. Error: the first, for the log; the others were opened all
// the same.
Status open_cards(const std::vector<DeviceFacts>& devices, Domid domid);

}  // namespace xl_colo
