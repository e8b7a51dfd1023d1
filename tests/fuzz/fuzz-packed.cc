// A PACKED_PAGES frame becomes the body of a PAGES frame: of just the size that
// it tells, or it is refused; and what is packed again comes back the same.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "relay/packed_frame.h"
#include "wire/frame.h"

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
    const View body(data, size);
    Unpacker unpacker;
    const auto whole = unpacker.unpack(body);
    if (!whole) {
        require(whole.error().kind() == ErrorKind::protocol);
    } else {
        uint64_t told;
        std::memcpy(&told, data, sizeof(told));
        require(whole->size() == told && told <= frame_body_max);
    }
    // The input as pages.
    Buffer packed;
    begin_packed(size, packed);
    for (View rest = body; !rest.empty();) {
        const size_t step = std::min(rest.size(), packed_piece_max);
        pack_piece(rest.first(step), packed);
        rest = rest.subspan(step);
    }
    const auto again = unpacker.unpack(packed);
    require(again && std::ranges::equal(*again, body));
    return 0;
}
