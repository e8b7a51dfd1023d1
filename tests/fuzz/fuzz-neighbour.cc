// A frame as a guest may write it, its virtio_net_hdr in front. What need not
// wait must be one of the few that RFC 826 and RFC 4861 describe, by a reading
// of them that looks for no header but counts from both ends.
#include <cstdlib>

#include "network/neighbour.h"

using namespace xl_colo;

namespace {

// Big-endian, wherever it is; beyond the end it is no number.
long number(View bytes, size_t at, size_t size)
{
    if (at + size > bytes.size()) {
        return -1;
    }
    long value = 0;
    for (size_t i = 0; i < size; ++i) {
        value = value * 256 + bytes[at + i];
    }
    return value;
}

bool arp_at(View f, size_t at)
{
    const long operation = number(f, at + 6, 2);
    const bool all_there = number(f, at + 27, 1) >= 0;
    const bool little_more = f.size() <= 60 || f.size() == at + 28 ||
                             f.size() <= 60 + at - 14;
    return number(f, at, 6) == 0x000108000604 && all_there && little_more &&
           (operation == 1 || operation == 2);
}

bool discovery_at(View f, size_t at)
{
    const long type = number(f, at + 40, 1);
    const size_t size = f.size() - at;
    const bool ipv6 = number(f, at, 1) / 16 == 6 &&
                      number(f, at + 4, 4) ==
                          long(size - 40) * 65536 + 58 * 256 + 255;
    const long first = number(f, at + 65, 1), second = number(f, at + 73, 1);
    const bool options =
        size == 64 || (size == 72 && first == 1) ||
        (size == 80 && (first == 2 || (first == 1 && second == 1)));
    return ipv6 && options && (type == 135 || type == 136) &&
           number(f, at + 41, 1) == 0 && number(f, at + 48, 1) != 0xff;
}

bool expected(View f, bool segmented)
{
    if (segmented) {
        return false;
    }
    for (const size_t tags : {0, 1, 2}) {
        bool tagged = true;
        for (size_t i = 0; i < tags; ++i) {
            const long tag = number(f, 12 + 4 * i, 2);
            tagged &= tag == 0x8100 || tag == 0x88a8;
        }
        const size_t at = 14 + 4 * tags;
        const long type = number(f, at - 2, 2);
        if (tagged && ((type == 0x0806 && arp_at(f, at)) ||
                       (type == 0x86dd && discovery_at(f, at)))) {
            return true;
        }
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    if (size < virtio_header_size + ETH_HLEN || size > tap_frame_max) {
        return 0;
    }
    const TapFrame frame(View(data, size));
    if (must_not_wait(frame) != expected(frame.ethernet(), data[1] != 0)) {
        std::abort();
    }
    return 0;
}
