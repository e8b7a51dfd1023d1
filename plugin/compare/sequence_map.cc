#include "compare/sequence_map.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"

namespace xl_colo {

namespace {

constexpr size_t sequence_at = 4, acknowledgement_at = 8;

// RFC 792 and 4443: an error's header, and behind it the packet that it is
// about, cut somewhere.
constexpr size_t icmp_header_size = 8, icmp_checksum_at = 2;
// As much as RFC 792 has an error quote of the transport.
constexpr size_t quoted_min = 8;

// The numbers of one header, which are changed together with its checksum.
class Header {
public:
    Header(std::span<uint8_t> bytes, bool counts)
        : bytes_(bytes), counts_(counts)
    {
    }
    // Adds to the number at `at`, which is counted from the header's start.
    void add(size_t at, uint32_t what)
    {
        const auto before = load_big<uint32_t>(&bytes_[at]);
        const uint32_t after = before + what;
        for (size_t i = 0; i < sizeof(after); ++i) {
            bytes_[at + i] = static_cast<uint8_t>(after >> (24 - 8 * i));
        }
        if (counts_) {
            change_.replace(at, before, after);
        }
    }
    void finish(size_t checksum_at) { change_.apply(&bytes_[checksum_at]); }

private:
    const std::span<uint8_t> bytes_;
    // A partial checksum is of the addresses alone.
    const bool counts_;
    ChecksumChange change_;
};

// Calls `visit` with the offset of each SACK edge into the options.
template <typename Visit>
void visit_edges(View options, const Visit& visit)
{
    size_t at = 0;
    while (const auto option = next_option(options, at)) {
        if ((*option)[0] != tcp_option_sack) {
            continue;
        }
        const size_t start = at - option->size();
        for (size_t edge = 2; edge + 4 <= option->size(); edge += 4) {
            visit(start + edge);
        }
    }
}

bool is_error(const FlowKey& key)
{
    const unsigned type = key.ports[0] >> 8;
    if (key.protocol == protocol_icmp) {
        return type == 3 || type == 4 || type == 11 || type == 12;
    }
    return key.protocol == protocol_icmpv6 && type >= 1 && type <= 4;
}

struct Quoted {
    FlowKey key;
    size_t transport;  // in what is quoted
};

std::optional<Quoted> find_quoted(View packet, const FlowKey& outer)
{
    const bool is_v4 = outer.family == 4;
    const size_t header_min = is_v4 ? 20 : 40;
    if (packet.size() < header_min) {
        return std::nullopt;
    }
    const size_t header = is_v4 ? size_t{packet[0]} % 16 * 4 : header_min;
    const uint8_t protocol = is_v4 ? packet[9] : packet[6];
    const bool is_behind_first =
        is_v4 && (load_big<uint16_t>(&packet[6]) & 0x1fff) != 0;
    if (packet[0] >> 4 != outer.family || header < header_min ||
        packet.size() < header + quoted_min || protocol != protocol_tcp ||
        is_behind_first) {
        return std::nullopt;
    }
    FlowKey key;
    key.kind = FlowKey::Kind::tcp;
    key.family = outer.family;
    key.protocol = protocol;
    key.tags = outer.tags;
    key.tag = outer.tag;
    key.ports = {load_big<uint16_t>(&packet[header]),
                 load_big<uint16_t>(&packet[header + 2])};
    const size_t size = is_v4 ? 4 : 16, from = is_v4 ? 12 : 8;
    std::ranges::copy(packet.subspan(from, size), key.from.begin());
    std::ranges::copy(packet.subspan(from + size, size), key.to.begin());
    return Quoted{key, header};
}

}  // namespace

bool SequenceMap::learn(const SequenceMapping& mapping)
{
    if (mappings_.size() >= most_ && !mappings_.contains(mapping.key)) {
        return false;
    }
    mappings_.insert_or_assign(
        mapping.key, Offsets{mapping.copys_first, mapping.sequence,
                             mapping.timestamp});
    return true;
}

bool SequenceMap::map_quoted(std::span<uint8_t> ethernet,
                             const TransportPlace& place) const
{
    const auto icmp =
        ethernet.subspan(place.transport, place.end - place.transport);
    if (place.partial_checksum || icmp.size() < icmp_header_size ||
        !is_error(place.key)) {
        return false;
    }
    const auto quoted =
        find_quoted(icmp.subspan(icmp_header_size), place.key);
    const auto found = quoted ? mappings_.find(quoted->key) : mappings_.end();
    if (found == mappings_.end()) {
        return false;
    }
    Header header(icmp, true);
    header.add(icmp_header_size + quoted->transport + sequence_at,
               0 - found->second.sequence);
    header.finish(icmp_checksum_at);
    return true;
}

bool SequenceMap::to_copy(std::span<uint8_t> frame) const
{
    const TapFrame whole{View(frame)};
    if (mappings_.empty()) {
        return false;
    }
    const auto place = find_transport(whole);
    const auto ethernet = frame.subspan(virtio_header_size);
    if (!place) {
        return false;
    }
    if (place->key.kind != FlowKey::Kind::tcp) {
        return map_quoted(ethernet, *place);
    }
    const auto found = mappings_.find(place->key.reversed());
    if (found == mappings_.end()) {
        return false;
    }
    const auto tcp =
        ethernet.subspan(place->transport, place->end - place->transport);
    const auto segment = parse_tcp(tcp);
    if (!segment || !segment->has(tcp_ack)) {
        return true;  // there is nothing of the guest's in it
    }
    const Offsets& offsets = found->second;
    Header header(tcp, !place->partial_checksum);
    header.add(acknowledgement_at, 0 - offsets.sequence);
    visit_edges(segment->options, [&](size_t at) {
        header.add(tcp_header_min + at, 0 - offsets.sequence);
    });
    if (const auto at = timestamps_at(segment->options)) {
        header.add(tcp_header_min + *at + 4, 0 - offsets.timestamp);
    }
    header.finish(tcp_checksum_at);
    return true;
}

bool SequenceMap::from_copy(std::span<uint8_t> frame)
{
    if (mappings_.empty()) {
        return false;
    }
    const auto place = find_transport(TapFrame{View(frame)});
    if (!place || place->key.kind != FlowKey::Kind::tcp) {
        return false;
    }
    const auto found = mappings_.find(place->key);
    if (found == mappings_.end()) {
        return false;
    }
    const auto tcp =
        frame.subspan(virtio_header_size)
            .subspan(place->transport, place->end - place->transport);
    const auto segment = parse_tcp(tcp);
    const Offsets offsets = found->second;
    if (!segment || (segment->has(tcp_syn) &&
                     segment->sequence != offsets.copys_first)) {
        // Another connection, that the peer will know by the copy's numbers.
        mappings_.erase(found);
        return false;
    }
    Header header(tcp, !place->partial_checksum);
    header.add(sequence_at, offsets.sequence);
    if (const auto at = timestamps_at(segment->options)) {
        header.add(tcp_header_min + *at, offsets.timestamp);
    }
    header.finish(tcp_checksum_at);
    if (segment->has(tcp_rst)) {
        mappings_.erase(found);
    }
    return true;
}

}  // namespace xl_colo
