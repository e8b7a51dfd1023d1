// An Ethernet frame of a guest, taken apart as far as the comparison has to
// know it: which flow it belongs to, and which of its bytes count.
//
// Guests write these frames, and may be hostile. So there is one way out of
// every doubt: what is malformed, has bytes behind its end, or asks the kernel
// for what we do not expect (a checksum at an unusual place overwrites two
// bytes on its way out) is compared whole, with nothing left out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/keyed_hash.h"
#include "base/units.h"
#include "compare/tcp_segment.h"
#include "network/tap_frame.h"

namespace xl_colo {

// IANA's numbers of protocols, and RFC 8200's of headers.
constexpr uint8_t protocol_icmp = 1, protocol_igmp = 2, protocol_tcp = 6,
                  protocol_udp = 17, protocol_dccp = 33, protocol_icmpv6 = 58,
                  protocol_sctp = 132, protocol_udplite = 136;

// What is compared with each other. Has no padding, so that it can be hashed as
// bytes.
struct FlowKey {
    enum class Kind : uint8_t {
        tcp,        // a connection, one direction of it
        datagrams,  // IP: those of one protocol and pair of ports
        fragments,  // IP: all between two hosts and of one protocol
        whole,      // anything else: by Ethernet addresses and type
    };

    Kind kind = Kind::whole;
    uint8_t family = 0;  // 4, 6, or 0
    uint8_t protocol = 0;
    uint8_t tags = 0;
    // UDP, SCTP and the like: source and destination. ICMP: type and code, and
    // an echo's identifier. Kind::whole: the Ethernet type.
    std::array<uint16_t, 2> ports{};
    std::array<uint32_t, 2> tag{};  // VLAN: type and control information
    std::array<uint8_t, 16> from{}, to{};

    bool operator==(const FlowKey&) const = default;
    // Of what comes back.
    FlowKey reversed() const;
};

// The peers choose ports and addresses: without the key they could have all of
// them in one bucket.
constexpr size_t flow_key_size = 32;

class FlowHash {
public:
    explicit FlowHash(View key) : hash_(key) {}
    size_t operator()(const FlowKey& key) const;

private:
    KeyedHash hash_;
};

// Borrows the frame's bytes.
struct Packet {
    FlowKey key;
    std::optional<TcpSegment> tcp;  // with Kind::tcp, and only then

    // For the other kinds all of these count. What does not is left out between
    // the two views: a UDP checksum, which the card may have to make, and an
    // IPv6 fragment's identification.
    uint8_t traffic_class = 0, hop_limit = 0;
    uint8_t gso_type = 0;
    uint16_t gso_size = 0;
    uint16_t fragment = 0;  // IPv4: offset and flags, as they are
    View first, second;

    // Kind::fragments. Which fragments belong together, but the number as such
    // does not count: the copy has another one.
    uint32_t identification = 0;
};

Packet parse_packet(TapFrame frame);

// Where a packet's transport is, in offsets into the Ethernet frame; for what
// changes a frame rather than compares it.
struct TransportPlace {
    FlowKey key;
    size_t transport;
    size_t end;             // of the packet
    bool partial_checksum;  // of the addresses alone: the card does the rest
};
// Of Kind::tcp and Kind::datagrams alone. Of the former parse_tcp() gives a
// segment.
std::optional<TransportPlace> find_transport(TapFrame frame);

}  // namespace xl_colo
