#include "compare/neighbour_answers.h"

#include <linux/if_arp.h>

#include <algorithm>

#include "base/bytes.h"
#include "compare/checksum.h"
#include "network/neighbour.h"

namespace xl_colo {

namespace {

constexpr size_t tag_size = 4;
constexpr size_t shortest_frame = 60;

// RFC 826: offsets for Ethernet and IPv4.
constexpr size_t arp_operation = 6, arp_sender = 8, arp_sender_ip = 14,
                 arp_target_ip = 24;

// RFC 8200 and 4861, offsets into the packet.
constexpr size_t ipv6_size = 40, ipv6_from = 8, ipv6_address = 16;
constexpr uint8_t icmpv6 = 58, hop_limit = 255;
constexpr size_t nd_flags = ipv6_size + 4,
                 nd_target = ipv6_size + 8, nd_options = ipv6_size + 24;
constexpr uint8_t solicitation = 135, advertisement = 136;
constexpr uint8_t option_target_mac = 2;
constexpr uint8_t flag_router = 0x80, flag_solicited = 0x40,
                  flag_override = 0x20;

// Of a frame that must_not_wait(): so all is there.
struct Parts {
    View sender;
    View tags;    // behind the addresses, up to the type
    uint16_t type;
    View packet;
};

Parts parts_of(View ethernet)
{
    size_t at = 2 * ETH_ALEN;
    uint16_t type = load_big<uint16_t>(&ethernet[at]);
    while (type == ETH_P_8021Q || type == ETH_P_8021AD) {
        at += tag_size;
        type = load_big<uint16_t>(&ethernet[at]);
    }
    return {ethernet.subspan(ETH_ALEN, ETH_ALEN),
            ethernet.subspan(2 * ETH_ALEN, at - 2 * ETH_ALEN), type,
            ethernet.subspan(at + 2)};
}

bool is_zero(View address)
{
    return std::ranges::all_of(address, [](uint8_t b) { return b == 0; });
}

Buffer buffer_of(View bytes)
{
    return {bytes.begin(), bytes.end()};
}

MacAddress mac_at(View bytes, size_t at)
{
    MacAddress mac;
    std::ranges::copy(bytes.subspan(at, mac.size()), mac.begin());
    return mac;
}

bool is_one_cards(const MacAddress& mac)
{
    return (mac[0] & 1) == 0 && !is_zero(mac);
}

void put(Buffer& out, View bytes)
{
    out.insert(out.end(), bytes.begin(), bytes.end());
}

Buffer ethernet_header(View to, View from, View tags, uint16_t type)
{
    Buffer frame;
    put(frame, to);
    put(frame, from);
    put(frame, tags);
    put_big(frame, type);
    return frame;
}

std::optional<MacAddress> mac_option(View options, uint8_t type)
{
    // must_not_wait() has looked at the lengths.
    for (; !options.empty(); options = options.subspan(options[1] * 8u)) {
        if (options[0] == type) {
            return mac_at(options, 2);
        }
    }
    return std::nullopt;
}

}  // namespace

void NeighbourAnswers::remember(Key key, const Neighbour& neighbour)
{
    if (!is_one_cards(neighbour.mac) || is_zero(key.address) || most_ == 0) {
        return;
    }
    const auto found = neighbours_.find(key);
    if (found != neighbours_.end()) {
        found->second = neighbour;
        return;
    }
    if (neighbours_.size() == most_) {
        neighbours_.erase(by_age_.front());
        by_age_.pop_front();
    }
    by_age_.push_back(key);
    neighbours_.emplace(std::move(key), neighbour);
}

void NeighbourAnswers::learn(TapFrame frame)
{
    if (!must_not_wait(frame)) {
        return;
    }
    const auto [sender, tags, type, packet] = parts_of(frame.ethernet());
    if (type == ETH_P_ARP) {
        remember({buffer_of(tags), buffer_of(packet.subspan(arp_sender_ip, 4))},
                 {mac_at(packet, arp_sender)});
        return;
    }
    if (packet[ipv6_size] != advertisement) {
        return;
    }
    if (const auto mac =
            mac_option(packet.subspan(nd_options), option_target_mac)) {
        remember({buffer_of(tags),
                  buffer_of(packet.subspan(nd_target, ipv6_address))},
                 {*mac, (packet[nd_flags] & flag_router) != 0});
    }
}

NeighbourAnswers::Reply NeighbourAnswers::reply_arp(View tags,
                                                    View packet) const
{
    const View asker = packet.subspan(arp_sender, ETH_ALEN),
               asker_ip = packet.subspan(arp_sender_ip, 4),
               target_ip = packet.subspan(arp_target_ip, 4);
    if (load_big<uint16_t>(&packet[arp_operation]) != ARPOP_REQUEST ||
        is_zero(asker_ip) || std::ranges::equal(asker_ip, target_ip)) {
        return {Kind::no_question, {}};
    }
    const auto found =
        neighbours_.find({buffer_of(tags), buffer_of(target_ip)});
    if (found == neighbours_.end()) {
        return {Kind::unknown, {}};
    }
    const MacAddress& mac = found->second.mac;
    Buffer frame = ethernet_header(asker, mac, tags, ETH_P_ARP);
    put(frame, packet.first(arp_operation));
    put_big<uint16_t>(frame, ARPOP_REPLY);
    put(frame, mac);
    put(frame, target_ip);
    put(frame, asker);
    put(frame, asker_ip);
    frame.resize(shortest_frame + tags.size());
    return {Kind::answered, with_virtio_header(frame)};
}

NeighbourAnswers::Reply NeighbourAnswers::reply_solicitation(
    View asker_mac, View tags, View packet) const
{
    const View asker = packet.subspan(ipv6_from, ipv6_address),
               target = packet.subspan(nd_target, ipv6_address);
    if (packet[ipv6_size] != solicitation || is_zero(asker)) {
        return {Kind::no_question, {}};
    }
    const auto found = neighbours_.find({buffer_of(tags), buffer_of(target)});
    if (found == neighbours_.end()) {
        return {Kind::unknown, {}};
    }
    const auto& [mac, is_router] = found->second;
    Buffer message{advertisement, 0, 0, 0,
                   static_cast<uint8_t>(flag_solicited | flag_override |
                                        (is_router ? flag_router : 0)),
                   0, 0, 0};
    put(message, target);
    put_big<uint16_t>(message, option_target_mac << 8 | 1);
    put(message, mac);
    Buffer addresses = buffer_of(target);
    put(addresses, asker);
    const uint32_t pseudo_header =
        icmpv6 + static_cast<uint32_t>(message.size());
    const uint16_t checksum = checksum_of(
        add_words(message, add_words(addresses, pseudo_header)));
    message[2] = static_cast<uint8_t>(checksum >> 8);
    message[3] = static_cast<uint8_t>(checksum);

    Buffer frame = ethernet_header(asker_mac, mac, tags, ETH_P_IPV6);
    put_big<uint32_t>(frame, 6u << 28);
    put_big(frame, static_cast<uint16_t>(message.size()));
    put(frame, Buffer{icmpv6, hop_limit});
    put(frame, addresses);
    put(frame, message);
    return {Kind::answered, with_virtio_header(frame)};
}

void NeighbourAnswers::forget()
{
    neighbours_.clear();
    by_age_.clear();
}

NeighbourAnswers::Reply NeighbourAnswers::reply(TapFrame frame) const
{
    if (!must_not_wait(frame)) {
        return {Kind::no_question, {}};
    }
    const auto [sender, tags, type, packet] = parts_of(frame.ethernet());
    return type == ETH_P_ARP ? reply_arp(tags, packet)
                             : reply_solicitation(sender, tags, packet);
}

}  // namespace xl_colo
