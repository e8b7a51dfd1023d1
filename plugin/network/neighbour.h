// Which frames say nothing of a guest's state, but only where it is: ARP (RFC
// 826) and IPv6's neighbour solicitation and advertisement (RFC 4861). A peer
// asks for an answer three times, a second apart, and then gives up; so these
// are not made to wait for a checkpoint.
//
// Guests write these frames, and may be hostile: whatever is not just one of
// these, whole and by the rules, waits as any other.
#pragma once

#include "network/tap_frame.h"

namespace xl_colo {

// Also behind one or two VLAN tags. Never a frame that stands for several.
bool must_not_wait(TapFrame frame);

}  // namespace xl_colo
