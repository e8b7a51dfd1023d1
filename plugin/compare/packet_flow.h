// Packets that are compared one by one, in the order in which each side puts
// them out: the primary's n-th of a flow with the copy's n-th.
//
// Of fragments the number that holds a packet's together is another one at the
// copy. So each counts as: of the n-th packet of this flow that was begun. If
// two sides then have put out the same fragments, whoever puts them together
// gets the same packets.
#pragma once

#include <cstdint>
#include <list>
#include <vector>

#include "compare/lane.h"
#include "compare/tcp_stream.h"

namespace xl_colo {

class PacketFlow {
public:
    // False: there is no room for it. The flow is then of no more use.
    bool put(const Packet& of_copy, size_t room);

    // For fragments; else 0. Once for each frame, in order.
    uint64_t datagram_of_primary(const Packet& packet)
    {
        return primary_.number(packet);
    }

    // Takes the copy's oldest away if they are the same.
    Answer covers(const Packet& of_primary, uint64_t datagram);

    // What is kept of the copy's packets, and what it takes to keep it.
    size_t bytes() const { return bytes_; }
    Lane lane;

private:
    static constexpr size_t packet_overhead = 128;

    // The latest identifications, each with the number of its packet.
    class Numbering {
    public:
        uint64_t number(const Packet& packet);

    private:
        static constexpr size_t remembered = 64;
        struct Entry {
            uint32_t identification;
            uint64_t number;
        };
        std::vector<Entry> entries_;
        uint64_t next_ = 0;
    };

    struct Kept {
        uint8_t traffic_class, hop_limit, gso_type;
        uint16_t gso_size, fragment;
        uint64_t datagram;
        size_t first;  // bytes of Packet::first, before the rest
        Buffer bytes;
    };

    std::list<Kept> kept_;
    size_t bytes_ = 0;
    Numbering primary_, copy_;
};

}  // namespace xl_colo
