// A frame as it comes off the wire, and then its body, by the parser that its
// type has.
#include <algorithm>
#include <cstdlib>

#include "relay/migration_stream.h"
#include "session/figures_frame.h"
#include "session/hello.h"
#include "session/offer.h"
#include "session/session_key.h"
#include "wire/stop_frame.h"
#include "session/session.h"
#include "wire/frame.h"

using namespace xl_colo;

namespace {

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

void parse_body(const Frame& frame)
{
    switch (frame.type) {
    case FrameType::HELLO:
        if (const auto hello = parse_hello(frame.body)) {
            const std::string again = to_json(*hello);
            require(static_cast<bool>(parse_hello(
                View(reinterpret_cast<const uint8_t*>(again.data()),
                     again.size()))));
        }
        break;
    case FrameType::OFFER:
        if (const auto offer = parse_offer(frame.body)) {
            (void)parse_digest_key(offer->digest_key);
        }
        break;
    case FrameType::STOP:
        for (const char c : stop_text(frame)) {
            require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
        }
        break;
    case FrameType::IMAGE:
        (void)check_stream_headers(frame.body);
        break;
    case FrameType::DONE:
        if (const auto figures = decode_figures(frame.body)) {
            BodyReader body(frame.body);
            require(body.u64().value() == figures->number.value());
        }
        break;
    default: {
        BodyReader body(frame.body);
        size_t read = 0;
        while (body.u64()) {
            read += sizeof(uint64_t);
        }
        require(read + body.rest().size() == frame.body.size());
    }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    const View bytes(data, size);
    if (size < frame_header_size) {
        return 0;
    }
    const auto header = parse_frame_header(bytes.first(frame_header_size));
    if (!header) {
        require(header.error().kind() == ErrorKind::protocol);
        return 0;
    }
    require(header->length <= frame_body_max);
    require(std::ranges::equal(frame_header_bytes(*header),
                               bytes.first(frame_header_size)));
    const View rest = bytes.subspan(frame_header_size);
    if (rest.size() >= header->length) {
        const View body = rest.first(header->length);
        parse_body({header->type, Buffer(body.begin(), body.end())});
    }
    return 0;
}
