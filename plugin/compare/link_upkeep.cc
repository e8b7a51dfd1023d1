#include "compare/link_upkeep.h"

#include "network/neighbour.h"

namespace xl_colo {

namespace {

// A report on ten groups of MLD's second version, with one source each, is of
// 328 bytes. What is longer has more to say.
constexpr size_t longest = 512;

// RFC 4861 and 2710, 3810: type, code 0.
constexpr uint16_t router_solicitation = 133 << 8, mld_report = 131 << 8,
                   mld_done = 132 << 8, mld2_report = 143 << 8;
constexpr uint8_t link_local_hop_limit = 255, mld_hop_limit = 1;

// RFC 1112, 2236, 3376.
constexpr uint8_t igmp_report = 0x12, igmp2_report = 0x16, igmp2_leave = 0x17,
                  igmp3_report = 0x22;

bool is_of_icmpv6(const Packet& packet)
{
    switch (packet.key.ports[0]) {
    case router_solicitation:
        return packet.hop_limit == link_local_hop_limit;
    case mld_report:
    case mld_done:
    case mld2_report:
        return packet.hop_limit == mld_hop_limit;
    default:
        return false;
    }
}

bool is_of_igmp(const Packet& packet, View ip_options_and_rest)
{
    if (packet.hop_limit != 1) {
        return false;
    }
    // With the router alert option, or without.
    for (const size_t at : {size_t{4}, size_t{0}}) {
        if (ip_options_and_rest.size() < at + 8 ||
            (at == 4 && ip_options_and_rest[0] != 0x94)) {
            continue;
        }
        const uint8_t type = ip_options_and_rest[at];
        return type == igmp_report || type == igmp2_report ||
               type == igmp2_leave || type == igmp3_report;
    }
    return false;
}

}  // namespace

bool is_link_upkeep(TapFrame frame, const Packet& packet)
{
    if (must_not_wait(frame)) {
        return true;
    }
    if (packet.key.kind != FlowKey::Kind::datagrams ||
        packet.gso_type != virtio_gso_none || packet.first.size() > longest) {
        return false;
    }
    if (packet.key.family == 6) {
        return packet.key.protocol == protocol_icmpv6 &&
               packet.key.to[0] == 0xff && is_of_icmpv6(packet);
    }
    const bool is_multicast = packet.key.to[0] >> 4 == 0xe;
    return packet.key.protocol == protocol_igmp && is_multicast &&
           is_of_igmp(packet, packet.first);
}

}  // namespace xl_colo
