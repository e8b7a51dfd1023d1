// The words of a network card on the other host: what is understood is the same
// when it is said again.
#include <algorithm>
#include <cstdlib>

#include "compare/card_message.h"
#include "network/tap_frame.h"

using namespace xl_colo;

namespace {

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    const View words(data, size);
    Buffer again;
    const Status read = read_messages(
        words, [&](CheckpointNumber number, const CardMessage& message) {
            append_message(again, number, message);
            switch (message.kind) {
            case CardMessage::Kind::frame:
            case CardMessage::Kind::question:
                // Whoever takes it may look at its headers.
                require(message.bytes.size() >= virtio_header_size + ETH_HLEN);
                break;
            case CardMessage::Kind::mapping:
                if (const auto mapping = decode_mapping(message.bytes)) {
                    require(std::ranges::equal(encode_mapping(*mapping),
                                               message.bytes));
                }
                break;
            case CardMessage::Kind::connected:
            case CardMessage::Kind::mapped:
                break;
            }
        });
    if (read && !again.empty()) {
        require(std::ranges::equal(again, words));
    }
    return 0;
}
