// What the two halves of a card that is compared say to each other, in DEVICE
// frames: docs/specs/colo-wire.md, "Network cards".
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "base/units.h"
#include "compare/sequence_mapping.h"

namespace xl_colo {

struct CardMessage {
    enum class Kind : uint8_t {
        frame = 1,     // primary: that its guest got; secondary: of its copy
        question = 2,  // secondary: of its copy, for the wire to answer
        mapping = 3,   // primary: of a connection
        connected = 4, // secondary: its copy gets frames now; no bytes
        mapped = 5,    // secondary: it has a mapping; no bytes
    };

    Kind kind;
    uint8_t interface;  // its place among the card's
    View bytes;         // a TapFrame's; encode_mapping()'s; none
};

// Appends one to what is sent of checkpoint `number`, with that in front where
// `words` is empty.
void append_message(Buffer& words, CheckpointNumber number,
                    const CardMessage& message);

// Calls `each` for one after the other, with bytes of `words`. Error protocol
// for what is malformed, also a frame that no tap would give; then some may
// have been taken.
Status read_messages(
    View words, const std::function<void(CheckpointNumber,
                                         const CardMessage&)>& each);

Buffer encode_mapping(const SequenceMapping& mapping);
// Error protocol.
Result<SequenceMapping> decode_mapping(View bytes);

}  // namespace xl_colo
