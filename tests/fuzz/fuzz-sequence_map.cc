// A frame as a guest or a peer may write it, in whose numbers something is
// changed: no byte may change but those, and a checksum is afterwards as right
// or wrong as it was.
#include <algorithm>
#include <cstdlib>

#include "compare/sequence_map.h"

using namespace xl_colo;

namespace {

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

uint16_t sum_of(View frame, const TransportPlace& place)
{
    return checksum_of(
        add_words(frame.subspan(virtio_header_size + place.transport,
                                place.end - place.transport)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    // Whose numbers these are decides the first byte.
    if (size < 1 + virtio_header_size + ETH_HLEN ||
        size > 1 + tap_frame_max) {
        return 0;
    }
    const bool to_copy = data[0] % 2 != 0;
    const Buffer before(data + 1, data + size);
    const auto place = find_transport(TapFrame(before));
    if (!place) {
        return 0;
    }
    // That of the errors in the corpus: 10.0.0.1, port 80, to 10.0.0.2.
    FlowKey quoted;
    quoted.kind = FlowKey::Kind::tcp;
    quoted.family = 4;
    quoted.protocol = protocol_tcp;
    quoted.ports = {80, 40000};
    quoted.from = {10, 0, 0, 1};
    quoted.to = {10, 0, 0, 2};
    SequenceMap map(3, View(data, 1)), inverse(3, View(data, 1));
    for (const FlowKey& key : {place->key, place->key.reversed(), quoted}) {
        map.learn({key, 0, 0x01020304, 0x0a0b0c0d});
        inverse.learn({key, 0x01020304, 0u - 0x01020304, 0u - 0x0a0b0c0d});
    }
    Buffer after = before;
    const bool known = to_copy ? map.to_copy(after) : map.from_copy(after);
    require(after.size() == before.size());
    require(known || after == before);
    const auto again = find_transport(TapFrame(after));
    require(again && again->key == place->key && again->end == place->end);
    if (!place->partial_checksum) {
        // 0 and -0 are the same here.
        require((sum_of(before, *place) - sum_of(after, *place)) % 0xffff ==
                0);
    }
    if (to_copy) {
        (void)inverse.to_copy(after);
    } else {
        (void)inverse.from_copy(after);
    }
    // But for the checksum, which may have become the other 0.
    const size_t checksum =
        virtio_header_size + place->transport +
        (place->key.kind == FlowKey::Kind::tcp ? tcp_checksum_at : 2);
    for (size_t i = 0; i < before.size(); ++i) {
        require(before[i] == after[i] || i - checksum < 2);
    }
    return 0;
}
