#include "compare/card_message.h"

#include <algorithm>

#include "base/bytes.h"
#include "wire/frame.h"

namespace xl_colo {

namespace {

// Kind, interface, two bytes of zero, length.
constexpr size_t heading_size = 8;
// The fields of a FlowKey of TCP, and three numbers.
constexpr size_t mapping_size = 4 + 2 * 2 + 2 * 4 + 2 * 16 + 3 * 4;

Error malformed(const char* what)
{
    return {ErrorKind::protocol, std::string("a card's message ") + what};
}

}  // namespace

void append_message(Buffer& words, CheckpointNumber number,
                    const CardMessage& message)
{
    if (words.empty()) {
        put_little(words, number.value());
    }
    put_little(words, static_cast<uint8_t>(message.kind));
    put_little(words, message.interface);
    put_little(words, uint16_t{0});
    put_little(words, static_cast<uint32_t>(message.bytes.size()));
    words.insert(words.end(), message.bytes.begin(), message.bytes.end());
}

Status read_messages(
    View words, const std::function<void(CheckpointNumber,
                                         const CardMessage&)>& each)
{
    BodyReader reader(words);
    const auto number = reader.u64();
    if (!number) {
        return number.error();
    }
    while (!reader.rest().empty()) {
        const auto heading = reader.bytes(heading_size);
        if (!heading) {
            return heading.error();
        }
        const uint8_t kind = (*heading)[0];
        const auto length = load_little<uint32_t>(heading->data() + 4);
        const auto bytes = reader.bytes(length);
        if (!bytes) {
            return bytes.error();
        }
        if (kind < uint8_t(CardMessage::Kind::frame) ||
            kind > uint8_t(CardMessage::Kind::mapped) ||
            load_little<uint16_t>(heading->data() + 2) != 0) {
            return malformed("of no kind that there is");
        }
        if (kind <= uint8_t(CardMessage::Kind::question) &&
            (length < virtio_header_size + ETH_HLEN ||
             length > tap_frame_max)) {
            return malformed("with a frame of no length that there is");
        }
        each(CheckpointNumber{*number}, {static_cast<CardMessage::Kind>(kind),
                                         (*heading)[1], *bytes});
    }
    return {};
}

Buffer encode_mapping(const SequenceMapping& mapping)
{
    const FlowKey& key = mapping.key;
    Buffer bytes{static_cast<uint8_t>(key.kind), key.family, key.protocol,
                 key.tags};
    for (const uint16_t port : key.ports) {
        put_little(bytes, port);
    }
    for (const uint32_t tag : key.tag) {
        put_little(bytes, tag);
    }
    bytes.insert(bytes.end(), key.from.begin(), key.from.end());
    bytes.insert(bytes.end(), key.to.begin(), key.to.end());
    for (const uint32_t number :
         {mapping.copys_first, mapping.sequence, mapping.timestamp}) {
        put_little(bytes, number);
    }
    return bytes;
}

Result<SequenceMapping> decode_mapping(View bytes)
{
    if (bytes.size() != mapping_size ||
        bytes[0] != static_cast<uint8_t>(FlowKey::Kind::tcp)) {
        return malformed("with no mapping");
    }
    const uint8_t* at = bytes.data();
    SequenceMapping mapping;
    FlowKey& key = mapping.key;
    key.kind = FlowKey::Kind::tcp;
    key.family = at[1];
    key.protocol = at[2];
    key.tags = at[3];
    at += 4;
    for (uint16_t& port : key.ports) {
        port = load_little<uint16_t>(at);
        at += sizeof(port);
    }
    for (uint32_t& tag : key.tag) {
        tag = load_little<uint32_t>(at);
        at += sizeof(tag);
    }
    for (auto* address : {&key.from, &key.to}) {
        std::copy_n(at, address->size(), address->begin());
        at += address->size();
    }
    for (uint32_t* number :
         {&mapping.copys_first, &mapping.sequence, &mapping.timestamp}) {
        *number = load_little<uint32_t>(at);
        at += sizeof(*number);
    }
    return mapping;
}

}  // namespace xl_colo
