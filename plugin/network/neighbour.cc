#include "network/neighbour.h"

#include <linux/if_arp.h>
#include <linux/in.h>

#include <algorithm>

#include "base/bytes.h"

namespace xl_colo {

namespace {

constexpr size_t shortest_frame = 60;  // what a card fills up to
constexpr size_t tag_size = 4;
constexpr size_t tags_max = 2;

// RFC 826, for Ethernet and IPv4.
constexpr size_t arp_size = 28;

// RFC 8200.
constexpr size_t ipv6_header_size = 40;
constexpr uint8_t next_is_icmpv6 = 58;

// RFC 4861, 4.3 and 4.4: up to the options.
constexpr uint8_t neighbour_solicitation = 135, neighbour_advertisement = 136;
constexpr size_t neighbour_size = 24;
constexpr uint8_t hop_limit = 255;
// Those of a link-layer address and a nonce (RFC 3971, 7527). What has more to
// say may wait.
constexpr size_t options_max = 16;

uint16_t u16_at(View bytes, size_t at)
{
    return load_big<uint16_t>(&bytes[at]);
}

bool is_tag(uint16_t type)
{
    return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

bool is_arp(View packet)
{
    if (packet.size() < arp_size) {
        return false;
    }
    const uint16_t operation = u16_at(packet, 6);
    return u16_at(packet, 0) == ARPHRD_ETHER && u16_at(packet, 2) == ETH_P_IP &&
           packet[4] == ETH_ALEN && packet[5] == 4 &&
           (operation == ARPOP_REQUEST || operation == ARPOP_REPLY);
}

bool are_options(View options)
{
    if (options.size() > options_max) {
        return false;
    }
    while (!options.empty()) {
        // A type, and a length in units of 8 bytes.
        const size_t length = options.size() < 2 ? 0 : size_t{options[1]} * 8;
        if (length == 0 || length > options.size()) {
            return false;
        }
        options = options.subspan(length);
    }
    return true;
}

// Without a word on its checksum: who has left that to the card has not made
// it yet.
bool is_neighbour_discovery(View packet)
{
    if (packet.size() < ipv6_header_size + neighbour_size) {
        return false;
    }
    const View message = packet.subspan(ipv6_header_size);
    const bool is_direct = packet[0] >> 4 == 6 &&
                           u16_at(packet, 4) == message.size() &&
                           packet[6] == next_is_icmpv6 &&
                           packet[7] == hop_limit;
    const bool is_one = (message[0] == neighbour_solicitation ||
                         message[0] == neighbour_advertisement) &&
                        message[1] == 0;
    const bool target_is_multicast = message[8] == 0xff;
    return is_direct && is_one && !target_is_multicast &&
           are_options(message.subspan(neighbour_size));
}

}  // namespace

bool must_not_wait(TapFrame frame)
{
    if (frame.is_segmented()) {
        return false;
    }
    const View bytes = frame.ethernet();
    size_t at = 2 * ETH_ALEN, tags = 0;
    while (at + 2 <= bytes.size() && is_tag(u16_at(bytes, at)) &&
           tags < tags_max) {
        at += tag_size;
        ++tags;
    }
    if (at + 2 > bytes.size()) {
        return false;
    }
    const uint16_t type = u16_at(bytes, at);
    View packet = bytes.subspan(at + 2);
    if (type == ETH_P_IPV6) {
        return is_neighbour_discovery(packet);
    }
    // It is shorter than the shortest frame, so there is something behind it.
    const size_t longest =
        std::max(at + 2 + arp_size, shortest_frame + tags * tag_size);
    return type == ETH_P_ARP && bytes.size() <= longest && is_arp(packet);
}

}  // namespace xl_colo
