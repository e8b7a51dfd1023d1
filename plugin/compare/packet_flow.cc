#include "compare/packet_flow.h"

#include <algorithm>

namespace xl_colo {

uint64_t PacketFlow::Numbering::number(const Packet& packet)
{
    if (packet.key.kind != FlowKey::Kind::fragments) {
        return 0;
    }
    const auto entry = std::ranges::find(entries_, packet.identification,
                                         &Entry::identification);
    if (entry != entries_.end()) {
        return entry->number;
    }
    const Entry newest{packet.identification, next_++};
    if (entries_.size() < remembered) {
        entries_.push_back(newest);
    } else {
        entries_[newest.number % remembered] = newest;
    }
    return newest.number;
}

bool PacketFlow::put(const Packet& packet, size_t room)
{
    const size_t size =
        packet.first.size() + packet.second.size() + packet_overhead;
    if (size > room) {
        return false;
    }
    Kept kept{packet.traffic_class, packet.hop_limit,     packet.gso_type,
              packet.gso_size,      packet.fragment,      copy_.number(packet),
              packet.first.size(),  {}};
    kept.bytes.reserve(packet.first.size() + packet.second.size());
    kept.bytes.assign(packet.first.begin(), packet.first.end());
    kept.bytes.insert(kept.bytes.end(), packet.second.begin(),
                      packet.second.end());
    kept_.push_back(std::move(kept));
    bytes_ += size;
    return true;
}

Answer PacketFlow::covers(const Packet& packet, uint64_t datagram)
{
    if (kept_.empty()) {
        return {Verdict::unknown};
    }
    const Kept& copy = kept_.front();
    const View bytes(copy.bytes);
    if (!std::ranges::equal(packet.first, bytes.first(copy.first)) ||
        !std::ranges::equal(packet.second, bytes.subspan(copy.first))) {
        return {Verdict::differs, "contents of a packet"};
    }
    if (packet.traffic_class != copy.traffic_class ||
        packet.hop_limit != copy.hop_limit ||
        packet.gso_type != copy.gso_type || packet.gso_size != copy.gso_size ||
        packet.fragment != copy.fragment || datagram != copy.datagram) {
        return {Verdict::differs, "IP header of a packet"};
    }
    bytes_ -= bytes.size() + packet_overhead;
    kept_.pop_front();
    return {Verdict::same};
}

}  // namespace xl_colo
