#include "compare/packet.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/bytes.h"

namespace xl_colo {

namespace {

constexpr size_t tag_size = 4;
constexpr size_t tags_max = 2;
constexpr size_t shortest_frame = 60;  // what a card fills up to

// struct virtio_net_hdr of linux/virtio_net.h, in the machine's own order.
constexpr size_t virtio_gso_size_at = 4, virtio_checksum_start_at = 6,
                 virtio_checksum_offset_at = 8;
constexpr uint8_t virtio_needs_checksum = 1, virtio_data_valid = 2;
constexpr uint8_t virtio_gso_tcpv4 = 1, virtio_gso_udp = 3,
                  virtio_gso_tcpv6 = 4, virtio_gso_udp_l4 = 5,
                  virtio_gso_ecn = 0x80;

// RFC 791.
constexpr size_t ipv4_header_min = 20;
constexpr uint16_t ipv4_reserved = 0x8000, ipv4_more_or_offset = 0x3fff;

// RFC 8200.
constexpr size_t ipv6_header_size = 40, ipv6_fragment_size = 8;
constexpr uint8_t ipv6_hop_by_hop = 0, ipv6_routing = 43, ipv6_is_fragment = 44,
                  ipv6_destination = 60;

constexpr size_t udp_header_size = 8, udp_checksum_at = 6;

uint16_t native_u16(View bytes, size_t at)
{
    uint16_t value;
    std::memcpy(&value, &bytes[at], sizeof(value));
    return value;
}

uint16_t u16_at(View bytes, size_t at)
{
    return load_big<uint16_t>(&bytes[at]);
}

void copy_to(std::array<uint8_t, 16>& address, View from)
{
    std::ranges::copy(from, address.begin());
}

bool is_zero(View bytes)
{
    return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

// One frame on its way to a Packet. Each step looks no further than what it has
// measured before, and gives false where the frame is to be taken as a whole.
class Reader {
public:
    explicit Reader(TapFrame frame)
        : header_(frame.bytes().first(virtio_header_size)),
          bytes_(frame.ethernet())
    {
    }

    bool read();
    void read_whole(View all);

    Packet packet;
    size_t transport = 0;
    size_t end = 0;

    bool needs_checksum() const
    {
        return (header_[0] & virtio_needs_checksum) != 0;
    }

private:
    bool read_tags();
    bool read_ipv4();
    bool read_ipv6();
    bool read_fragment(size_t at);
    bool read_transport(bool is_plain);
    bool set_end(size_t size);
    void read_ports(View payload);
    bool is_as_expected(size_t checksum_at) const;

    uint8_t gso_type() const
    {
        return header_[virtio_gso_type_at] & ~virtio_gso_ecn;
    }
    bool is_sent_as_it_is() const
    {
        return (header_[0] & ~virtio_data_valid) == 0 &&
               header_[virtio_gso_type_at] == virtio_gso_none;
    }

    const View header_, bytes_;
    size_t network_ = 0;  // the IP header
    uint16_t type_ = 0;
};

bool Reader::read_tags()
{
    size_t at = 2 * ETH_ALEN;
    FlowKey& key = packet.key;
    for (;; at += tag_size) {
        if (at + 2 > bytes_.size()) {
            return false;
        }
        type_ = u16_at(bytes_, at);
        if (type_ != ETH_P_8021Q && type_ != ETH_P_8021AD) {
            break;
        }
        if (key.tags == tags_max || at + tag_size > bytes_.size()) {
            return false;
        }
        key.tag[key.tags++] = load_big<uint32_t>(&bytes_[at]);
    }
    network_ = at + 2;
    return true;
}

// What is behind the packet may only fill the frame up to the least length.
bool Reader::set_end(size_t size)
{
    if (size > bytes_.size() - network_) {
        return false;
    }
    end = network_ + size;
    return end == bytes_.size() ||
           (bytes_.size() <= shortest_frame + packet.key.tags * tag_size &&
            is_zero(bytes_.subspan(end)));
}

bool Reader::read_ipv4()
{
    if (bytes_.size() - network_ < ipv4_header_min) {
        return false;
    }
    const View ip = bytes_.subspan(network_);
    const size_t header = size_t{ip[0]} % 16 * 4;
    const size_t size = u16_at(ip, 2);
    if (ip[0] >> 4 != 4 || header < ipv4_header_min || size < header ||
        !set_end(size)) {
        return false;
    }
    packet.key.family = 4;
    packet.key.protocol = ip[9];
    copy_to(packet.key.from, ip.subspan(12, 4));
    copy_to(packet.key.to, ip.subspan(16, 4));
    packet.traffic_class = ip[1];
    packet.hop_limit = ip[8];
    packet.first = ip.subspan(ipv4_header_min, size - ipv4_header_min);
    transport = network_ + header;
    const uint16_t fragment = u16_at(ip, 6);
    if ((fragment & ipv4_reserved) != 0) {
        return false;
    }
    packet.fragment = fragment;
    if ((fragment & ipv4_more_or_offset) != 0) {
        packet.key.kind = FlowKey::Kind::fragments;
        packet.identification = u16_at(ip, 4);
        return is_sent_as_it_is();
    }
    return read_transport(header == ipv4_header_min);
}

bool Reader::read_fragment(size_t at)
{
    if (end - at < ipv6_fragment_size) {
        return false;
    }
    packet.key.kind = FlowKey::Kind::fragments;
    packet.key.protocol = bytes_[at];
    packet.identification = load_big<uint32_t>(&bytes_[at + 4]);
    const size_t start = network_ + ipv6_header_size;
    packet.first = bytes_.subspan(start, at + 4 - start);
    packet.second = bytes_.subspan(at + ipv6_fragment_size,
                                   end - at - ipv6_fragment_size);
    return is_sent_as_it_is();
}

bool Reader::read_ipv6()
{
    if (bytes_.size() - network_ < ipv6_header_size) {
        return false;
    }
    const View ip = bytes_.subspan(network_);
    if (ip[0] >> 4 != 6 || !set_end(ipv6_header_size + u16_at(ip, 4))) {
        return false;
    }
    packet.key.family = 6;
    packet.traffic_class = static_cast<uint8_t>(u16_at(ip, 0) >> 4);
    packet.hop_limit = ip[7];
    copy_to(packet.key.from, ip.subspan(8, 16));
    copy_to(packet.key.to, ip.subspan(24, 16));
    uint8_t next = ip[6];
    size_t at = network_ + ipv6_header_size;
    packet.first = bytes_.subspan(at, end - at);
    bool is_plain = true;
    while (next == ipv6_hop_by_hop || next == ipv6_routing ||
           next == ipv6_destination) {
        if (end - at < 8) {
            return false;
        }
        const size_t size = (size_t{bytes_[at + 1]} + 1) * 8;
        if (size > end - at) {
            return false;
        }
        next = bytes_[at];
        at += size;
        is_plain = false;
    }
    if (next == ipv6_is_fragment) {
        return read_fragment(at);
    }
    packet.key.protocol = next;
    transport = at;
    return read_transport(is_plain);
}

// That the kernel changes nothing else than the checksum at `checksum_at` of
// the transport's header, and cuts into segments what are such.
bool Reader::is_as_expected(size_t checksum_at) const
{
    const uint8_t flags = header_[0];
    if ((flags & ~(virtio_needs_checksum | virtio_data_valid)) != 0) {
        return false;
    }
    if (needs_checksum() &&
        (checksum_at == 0 ||
         native_u16(header_, virtio_checksum_start_at) != transport ||
         native_u16(header_, virtio_checksum_offset_at) != checksum_at)) {
        return false;
    }
    const uint8_t protocol = packet.key.protocol;
    switch (gso_type()) {
    case virtio_gso_none:
        return true;
    case virtio_gso_tcpv4:
        return protocol == protocol_tcp && packet.key.family == 4;
    case virtio_gso_tcpv6:
        return protocol == protocol_tcp && packet.key.family == 6;
    case virtio_gso_udp:
    case virtio_gso_udp_l4:
        return protocol == protocol_udp;
    default:
        return false;
    }
}

void Reader::read_ports(View payload)
{
    auto& ports = packet.key.ports;
    switch (packet.key.protocol) {
    case protocol_tcp:
    case protocol_udp:
    case protocol_dccp:
    case protocol_sctp:
    case protocol_udplite:
        if (payload.size() >= 4) {
            ports = {u16_at(payload, 0), u16_at(payload, 2)};
        }
        break;
    case protocol_icmp:
    case protocol_icmpv6:
        if (payload.size() >= 8) {
            const bool is_v4 = packet.key.protocol == protocol_icmp;
            const uint8_t type = payload[0];
            const bool is_echo = is_v4 ? type == 0 || type == 8
                                       : type == 128 || type == 129;
            ports = {u16_at(payload, 0), is_echo ? u16_at(payload, 4)
                                                 : uint16_t{0}};
        }
        break;
    default:
        break;
    }
}

// `is_plain`: neither IP options nor IPv6 headers are in front, which say what
// a stream does not.
bool Reader::read_transport(bool is_plain)
{
    const View payload = bytes_.subspan(transport, end - transport);
    packet.key.kind = FlowKey::Kind::datagrams;
    packet.gso_type = header_[virtio_gso_type_at];
    if (packet.gso_type != virtio_gso_none) {
        packet.gso_size = native_u16(header_, virtio_gso_size_at);
    }
    read_ports(payload);
    if (packet.key.protocol == protocol_tcp) {
        if (is_plain) {
            packet.tcp = parse_tcp(payload);
        }
        if (packet.tcp) {
            packet.key.kind = FlowKey::Kind::tcp;
        }
        return is_as_expected(tcp_checksum_at);
    }
    if (packet.key.protocol != protocol_udp ||
        payload.size() < udp_header_size) {
        return is_as_expected(0);
    }
    // "first" ends where the packet does.
    const size_t before =
        packet.first.size() - payload.size() + udp_checksum_at;
    packet.second = packet.first.subspan(before + 2);
    packet.first = packet.first.first(before);
    return is_as_expected(udp_checksum_at);
}

bool Reader::read()
{
    if (!read_tags()) {
        return false;
    }
    switch (type_) {
    case ETH_P_IP:
        return read_ipv4();
    case ETH_P_IPV6:
        return read_ipv6();
    default:
        return false;
    }
}

void Reader::read_whole(View all)
{
    packet = {};
    packet.key.kind = FlowKey::Kind::whole;
    copy_to(packet.key.to, bytes_.first(ETH_ALEN));
    copy_to(packet.key.from, bytes_.subspan(ETH_ALEN, ETH_ALEN));
    packet.key.ports[0] = u16_at(bytes_, 2 * ETH_ALEN);
    packet.first = all;
}

}  // namespace

FlowKey FlowKey::reversed() const
{
    FlowKey other = *this;
    std::swap(other.from, other.to);
    std::swap(other.ports[0], other.ports[1]);
    return other;
}

size_t FlowHash::operator()(const FlowKey& key) const
{
    static_assert(std::has_unique_object_representations_v<FlowKey>);
    const auto digest =
        hash_(View(reinterpret_cast<const uint8_t*>(&key), sizeof(key)));
    size_t hash;
    std::memcpy(&hash, digest.data(), sizeof(hash));
    return hash;
}

Packet parse_packet(TapFrame frame)
{
    Reader reader(frame);
    if (!reader.read()) {
        reader.read_whole(frame.bytes());
    }
    return reader.packet;
}

std::optional<TransportPlace> find_transport(TapFrame frame)
{
    Reader reader(frame);
    if (!reader.read() ||
        reader.packet.key.kind == FlowKey::Kind::fragments) {
        return std::nullopt;
    }
    return TransportPlace{reader.packet.key, reader.transport, reader.end,
                          reader.needs_checksum()};
}

}  // namespace xl_colo
