// What a guest says of its link and address, and nothing of what it does: ARP,
// IPv6's neighbour discovery, router solicitation, and which multicast groups
// it wants to hear (IGMP, MLD). A copy says these at other times, as often as
// its card connects. They are not compared.
#pragma once

#include "compare/packet.h"

namespace xl_colo {

// `packet`: what parse_packet() says of `frame`.
bool is_link_upkeep(TapFrame frame, const Packet& packet);

}  // namespace xl_colo
