// Frames as a guest's card gives them to a tap, made field by field.
#pragma once

#include <cstdint>
#include <numeric>
#include <string>

#include "base/bytes.h"
#include "base/units.h"
#include "network/tap_frame.h"

namespace xl_colo {

// RFC 1071, in the plainest way.
inline uint16_t plain_checksum(View bytes, uint32_t sum = 0)
{
    for (size_t i = 0; i < bytes.size(); ++i) {
        sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(~sum);
}

inline void append(Buffer& to, View more)
{
    to.insert(to.end(), more.begin(), more.end());
}

struct Route {
    bool is_ipv6 = false;
    unsigned tags = 0;
    uint8_t from = 1, to = 2;  // the last byte of an address
    bool backwards = false;    // from `to` to `from`
    uint16_t identification = 0;
    uint16_t fragment = 0;     // as IPv4 has it
    Buffer options = {};       // of IPv4; of IPv6 whole headers, the first a
                               // destination option
    size_t fill = 0;           // zeros behind the packet
};

inline Buffer addresses_of(const Route& route)
{
    Buffer both;
    const uint8_t ends[] = {route.backwards ? route.to : route.from,
                            route.backwards ? route.from : route.to};
    for (const uint8_t end : ends) {
        if (route.is_ipv6) {
            append(both, Buffer{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                0, 0, end});
        } else {
            append(both, Buffer{10, 0, 0, end});
        }
    }
    return both;
}

inline uint16_t transport_checksum(const Route& route, uint8_t protocol,
                                   View transport)
{
    const Buffer both = addresses_of(route);
    uint32_t sum = protocol + static_cast<uint32_t>(transport.size());
    for (size_t i = 0; i < both.size(); i += 2) {
        sum += load_big<uint16_t>(&both[i]);
    }
    return plain_checksum(transport, sum);
}

// Where the transport's header is in the Ethernet frame.
inline size_t transport_of(const Route& route)
{
    return ETH_HLEN + 4 * route.tags + (route.is_ipv6 ? 40 : 20) +
           route.options.size();
}

// An IP packet with a virtio_net_hdr of zeros.
inline Buffer ip_frame(const Route& route, uint8_t protocol, View transport)
{
    Buffer f(virtio_header_size);
    append(f, Buffer{2, 0, 0, 0, 0, route.backwards ? uint8_t{1} : uint8_t{2},
                     2, 0, 0, 0, 0, route.backwards ? uint8_t{2} : uint8_t{1}});
    for (unsigned i = 0; i < route.tags; ++i) {
        put_big<uint32_t>(f, 0x81000005 + i);
    }
    const auto behind =
        static_cast<uint16_t>(transport.size() + route.options.size());
    if (route.is_ipv6) {
        put_big<uint16_t>(f, ETH_P_IPV6);
        put_big<uint32_t>(f, 0x60000000 + route.identification);
        put_big<uint16_t>(f, behind);
        f.push_back(route.options.empty() ? protocol : 60);
        f.push_back(64);
        append(f, addresses_of(route));
    } else {
        put_big<uint16_t>(f, ETH_P_IP);
        Buffer ip{static_cast<uint8_t>(0x45 + route.options.size() / 4), 0};
        put_big<uint16_t>(ip, static_cast<uint16_t>(20 + behind));
        put_big<uint16_t>(ip, route.identification);
        put_big<uint16_t>(ip, route.fragment);
        append(ip, Buffer{64, protocol, 0, 0});
        append(ip, addresses_of(route));
        append(f, ip);
    }
    append(f, route.options);
    append(f, transport);
    f.resize(f.size() + route.fill);
    return f;
}

struct Tcp {
    uint32_t sequence = 0, acknowledgement = 0;
    uint16_t flags = 0x10;
    Buffer payload = {};
    Buffer options = {};
    uint16_t from_port = 80, to_port = 40000;
    uint16_t window = 1000;
    uint16_t urgent = 0;
    uint16_t gso_size = 0;
    bool partial = false;
    Route route = {};

    Buffer frame() const
    {
        Buffer t;
        put_big(t, route.backwards ? to_port : from_port);
        put_big(t, route.backwards ? from_port : to_port);
        put_big(t, sequence);
        put_big(t, acknowledgement);
        t.push_back(static_cast<uint8_t>((5 + options.size() / 4) << 4 |
                                         flags >> 8));
        t.push_back(static_cast<uint8_t>(flags));
        put_big(t, window);
        put_big<uint16_t>(t, 0);
        put_big(t, urgent);
        append(t, options);
        append(t, payload);
        const bool left = partial || gso_size > 0;
        uint16_t sum = transport_checksum(route, 6, t);
        if (left) {
            // The addresses' and the length's part alone.
            sum = ~transport_checksum(route, 6, Buffer(t.size()));
        }
        t[16] = static_cast<uint8_t>(sum >> 8);
        t[17] = static_cast<uint8_t>(sum);
        Buffer f = ip_frame(route, 6, t);
        if (left) {
            f[0] = 1;
            f[6] = static_cast<uint8_t>(transport_of(route));
            f[8] = 16;
        }
        if (gso_size > 0) {
            f[1] = route.is_ipv6 ? 4 : 1;
            f[4] = static_cast<uint8_t>(gso_size);
            f[5] = static_cast<uint8_t>(gso_size >> 8);
        }
        return f;
    }
};

// NOP, NOP, timestamps.
inline Buffer timestamps(uint32_t value, uint32_t echo)
{
    Buffer options{1, 1, 8, 10};
    put_big(options, value);
    put_big(options, echo);
    return options;
}

inline Buffer udp_frame(View payload, Route route = {}, uint16_t from = 53,
                        uint16_t to = 40000)
{
    Buffer t;
    put_big(t, from);
    put_big(t, to);
    put_big(t, static_cast<uint16_t>(8 + payload.size()));
    put_big<uint16_t>(t, 0);
    append(t, payload);
    const uint16_t sum = transport_checksum(route, 17, t);
    t[6] = static_cast<uint8_t>(sum >> 8);
    t[7] = static_cast<uint8_t>(sum);
    return ip_frame(route, 17, t);
}

inline Buffer bytes_of(const std::string& text)
{
    return {text.begin(), text.end()};
}

// The same every time.
class Dice {
public:
    explicit Dice(uint32_t seed) : state_(seed * 2654435761u + 1) {}
    uint32_t number()
    {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<uint32_t>(state_ >> 32);
    }
    uint32_t below(uint32_t end) { return number() % end; }
    Buffer bytes(size_t size)
    {
        Buffer some(size);
        for (uint8_t& byte : some) {
            byte = static_cast<uint8_t>(number());
        }
        return some;
    }

private:
    uint64_t state_;
};

}  // namespace xl_colo
