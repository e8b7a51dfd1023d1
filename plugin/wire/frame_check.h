// What shows that a frame is what the peer sent: 16 bytes behind each, made of
// its contents, its number and a secret of the session. TCP's own sum lets one
// changed packet in some ten million through, and a changed bit in a page would
// be a copy that is silently wrong. It is no protection against somebody who
// means harm, which is ssh's part.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/keyed_hash.h"
#include "base/units.h"
#include "wire/frame.h"

namespace xl_colo {

// One direction of a connection. The number is the caller's to count, from 0.
// const calls: any thread.
class FrameCheck {
public:
    static constexpr size_t size = 16;
    using Sum = std::array<uint8_t, size>;

    // `key`: any number of bytes, the same on both sides. `from`: who sends; a
    // frame that comes back to it is no frame of the peer's.
    FrameCheck(View key, FrameSource from) : hash_(key), from_(from) {}

    // The large part, which needs no number.
    Sum of_body(std::initializer_list<View> body) const { return hash_(body); }
    Sum of_frame(uint64_t number, FrameHeader header,
                 const Sum& of_body) const;

private:
    KeyedHash hash_;
    FrameSource from_;
};

}  // namespace xl_colo
