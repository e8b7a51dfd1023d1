#include "wire/frame_check.h"

#include "base/bytes.h"

namespace xl_colo {

FrameCheck::Sum FrameCheck::of_frame(uint64_t number, FrameHeader header,
                                     const Sum& of_body) const
{
    std::array<uint8_t, 16> place{};
    store_little(number, place.data());
    place[8] = from_ == FrameSource::primary ? 1 : 0;
    const auto bytes = frame_header_bytes(header);
    return hash_({View(place), View(bytes), View(of_body)});
}

}  // namespace xl_colo
