// A frame as a guest may write it, its virtio_net_hdr in front. What counts of
// it has to lie in it, and what does not has to be just what the header says:
// the frame is put together again from the parts, and parsed again.
#include <algorithm>
#include <cstdlib>

#include "compare/packet.h"

using namespace xl_colo;

namespace {

using Kind = FlowKey::Kind;

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

bool lies_in(View part, View whole)
{
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <=
                                whole.data() + whole.size());
}

void check_tcp(const Packet& packet, View ethernet)
{
    const TcpSegment& tcp = *packet.tcp;
    require(lies_in(tcp.options, ethernet) && lies_in(tcp.payload, ethernet));
    require(tcp.options.size() <= tcp_options_max);
    size_t at = 0, options = 0;
    while (next_option(tcp.options, at)) {
        ++options;
    }
    require(at == tcp.options.size() && options <= tcp_options_max / 2);
    const auto stamps = timestamps_at(tcp.options);
    require(!stamps || *stamps + 8 <= tcp.options.size());
    // Header and payload are one behind the other.
    require(tcp.payload.empty() || tcp.options.empty() ||
            tcp.options.data() + tcp.options.size() == tcp.payload.data());
}

// The transport's end is the packet's; counted from both ends.
void check_parts(const Packet& packet, View ethernet)
{
    require(lies_in(packet.first, ethernet) &&
            lies_in(packet.second, ethernet));
    if (packet.second.empty()) {
        return;
    }
    const auto gap = static_cast<size_t>(
        packet.second.data() - packet.first.data()) - packet.first.size();
    require(gap == (packet.key.kind == Kind::fragments ? 4u : 2u));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    if (size < virtio_header_size + ETH_HLEN || size > tap_frame_max) {
        return 0;
    }
    const View bytes(data, size);
    const TapFrame frame(bytes);
    const Packet packet = parse_packet(frame);
    require((packet.key.kind == Kind::tcp) == packet.tcp.has_value());
    const auto place = find_transport(frame);
    require((packet.key.kind == Kind::tcp ||
             packet.key.kind == Kind::datagrams) == place.has_value());
    if (packet.key.kind == Kind::whole) {
        require(packet.first.data() == data && packet.first.size() == size &&
                packet.second.empty());
        return 0;
    }
    require(packet.key.family == 4 || packet.key.family == 6);
    require(packet.key.tags <= 2);
    check_parts(packet, frame.ethernet());
    if (place) {
        require(place->key == packet.key && place->end <= size &&
                place->transport <= place->end);
    }
    if (packet.tcp) {
        check_tcp(packet, frame.ethernet());
        require(place->transport + tcp_header_min <= place->end);
    }
    // One byte more behind the packet changes everything, or nothing.
    Buffer longer(bytes.begin(), bytes.end());
    longer.push_back(0);
    if (longer.size() <= tap_frame_max) {
        const Packet again = parse_packet(TapFrame(longer));
        require(again.key.kind == Kind::whole || again.key == packet.key);
    }
    return 0;
}
