#include "relay/packed_frame.h"

#include <lz4.h>

#include <cstring>

#include "base/bytes.h"
#include "wire/frame.h"

namespace xl_colo {

namespace {

constexpr size_t piece_header_size = 8;

Error bad(const std::string& what)
{
    return {ErrorKind::protocol, "PACKED_PAGES: " + what};
}

char* chars(uint8_t* bytes)
{
    return reinterpret_cast<char*>(bytes);
}

const char* chars(const uint8_t* bytes)
{
    return reinterpret_cast<const char*>(bytes);
}

}  // namespace

void begin_packed(uint64_t size, Buffer& to)
{
    to = BodyWriter().u64(size).take();
}

void pack_piece(View piece, Buffer& to)
{
    const size_t at = to.size();
    to.resize(at + piece_header_size + piece.size());
    uint8_t* const header = &to[at];
    uint8_t* const bytes = header + piece_header_size;
    // No room for as much as it was: then LZ4 gives up early.
    const int packed = LZ4_compress_default(
        chars(piece.data()), chars(bytes), static_cast<int>(piece.size()),
        static_cast<int>(piece.size()) - 1);
    const size_t size = packed > 0 ? static_cast<size_t>(packed) : piece.size();
    if (packed <= 0) {
        std::memcpy(bytes, piece.data(), piece.size());
    }
    store_little(static_cast<uint32_t>(piece.size()), header);
    store_little(static_cast<uint32_t>(size), header + sizeof(uint32_t));
    to.resize(at + piece_header_size + size);
}

Result<View> Unpacker::unpack(View body)
{
    BodyReader reader(body);
    const auto size = reader.u64();
    if (!size || *size > frame_body_max) {
        return bad("of no size, or of more than a frame holds");
    }
    size_t at = 0;
    for (View rest = reader.rest(); !rest.empty();) {
        if (rest.size() < piece_header_size) {
            return bad("cut short within a piece's header");
        }
        const size_t raw = load_little<uint32_t>(rest.data());
        const size_t packed =
            load_little<uint32_t>(rest.data() + sizeof(uint32_t));
        rest = rest.subspan(piece_header_size);
        if (raw == 0 || raw > packed_piece_max || raw > *size - at ||
            packed > raw || packed > rest.size()) {
            return bad("a piece of " + std::to_string(packed) + " bytes for " +
                       std::to_string(raw) + " does not fit");
        }
        // By what is there, not by what is told. Never shrunk: growing again
        // would fill it with zeros each time.
        if (whole_.size() < at + raw) {
            whole_.resize(at + raw);
        }
        if (packed == raw) {
            std::memcpy(&whole_[at], rest.data(), raw);
        } else if (LZ4_decompress_safe(chars(rest.data()), chars(&whole_[at]),
                                       static_cast<int>(packed),
                                       static_cast<int>(raw)) !=
                   static_cast<int>(raw)) {
            return bad("a piece that LZ4 does not unpack");
        }
        at += raw;
        rest = rest.subspan(packed);
    }
    if (at != *size) {
        return bad(std::to_string(at) + " bytes of " + std::to_string(*size));
    }
    return View(whole_).first(at);
}

}  // namespace xl_colo
