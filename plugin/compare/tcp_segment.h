// A TCP header and what is behind it (RFC 9293), as far as it can be told what
// it says of the connection: the comparison knows of no more than that.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.h"

namespace xl_colo {

// The header's 13th byte, and one bit of the 12th in front of it.
enum TcpFlag : uint16_t {
    tcp_fin = 0x01,
    tcp_syn = 0x02,
    tcp_rst = 0x04,
    tcp_psh = 0x08,
    tcp_ack = 0x10,
    tcp_urg = 0x20,
    tcp_ece = 0x40,
    tcp_cwr = 0x80,
    tcp_ae = 0x100,  // of accurate ECN, once the nonce's
};

constexpr size_t tcp_header_min = 20;
constexpr size_t tcp_options_max = 40;
constexpr size_t tcp_checksum_at = 16;

constexpr uint8_t tcp_option_end = 0, tcp_option_nop = 1, tcp_option_sack = 5,
                  tcp_option_timestamps = 8;

// How far it is from one sequence number to another, forwards if positive.
// They wrap around; of two that are 2 GiB apart nobody knows which is first.
inline int32_t sequence_distance(uint32_t from, uint32_t to)
{
    return static_cast<int32_t>(to - from);
}

// Borrows the bytes that it was read from.
struct TcpSegment {
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;  // with tcp_ack
    uint16_t flags = 0;
    uint16_t urgent = 0;  // with tcp_urg
    View options;
    View payload;

    bool has(uint16_t flag) const { return (flags & flag) != 0; }
    // The number of the payload's first byte; that of the FIN is behind it.
    uint32_t payload_sequence() const
    {
        return sequence + (has(tcp_syn) ? 1 : 0);
    }
    uint32_t payload_end() const
    {
        return payload_sequence() + static_cast<uint32_t>(payload.size());
    }
};

// Nothing, when it is malformed, or says more than sequence numbers, payload,
// flags, urgent pointer, SACK and timestamps, and on a SYN any options: what
// else an option means to the peer (MPTCP, a signature) we do not know.
std::optional<TcpSegment> parse_tcp(View transport);

// Walks over `options`: the next one that is neither padding nor the end, from
// `at` on, which it moves behind that. Of at least two bytes, its kind and its
// length in front. Nothing at the end, or where they are malformed; then `at`
// is not `options.size()`.
std::optional<View> next_option(View options, size_t& at);

// The 8 bytes of TSval and TSecr, as an offset into `options`.
std::optional<size_t> timestamps_at(View options);

}  // namespace xl_colo
