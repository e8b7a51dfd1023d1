// The body of a PACKED_PAGES frame: that of a PAGES frame in pieces, each
// packed by LZ4, or as it is where that makes it no smaller.
#pragma once

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// Bytes of one piece before it is packed. LZ4 looks no farther back.
constexpr size_t packed_piece_max = 64 << 10;

// Appends one piece, of 1 to packed_piece_max bytes, and its header to `to`.
void pack_piece(View piece, Buffer& to);

// Begins a body that is to become `size` bytes again.
void begin_packed(uint64_t size, Buffer& to);

// Keeps its memory for the next one. One thread at a time.
class Unpacker {
public:
    // The body of the PAGES frame, valid until the next call. Error protocol:
    // a piece is none of LZ4's, or the pieces are not of the size told.
    Result<View> unpack(View body);

private:
    Buffer whole_;
};

}  // namespace xl_colo
