// One Ethernet frame as a tap with IFF_VNET_HDR gives and takes it: what the
// kernel knows of its checksum and segments (struct virtio_net_hdr), and the
// frame from its destination's address on, without its check sequence.
//
// A sender that leaves segments to its card gives one frame for many, of up to
// 64 KiB; it has to be passed on with the header that it came with.
#pragma once

#include <linux/if_ether.h>

#include <cstddef>

#include "base/units.h"

namespace xl_colo {

// As linux/virtio_net.h has it, which is no C++ ("__u8 class"): flags, gso_type
// and four lengths of two bytes.
constexpr size_t virtio_header_size = 10;
constexpr size_t virtio_gso_type_at = 1;
constexpr uint8_t virtio_gso_none = 0;

// The longest IP packet behind an Ethernet header with two VLAN tags.
// GSO_LEGACY_MAX_SIZE of linux/netdevice.h is what a tap is given at most.
constexpr size_t tap_frame_max = virtio_header_size + ETH_HLEN + 8 + 65536;

// One byte more, by which a read tells a frame that is too long.
constexpr size_t tap_read_size = tap_frame_max + 1;

// Borrows its bytes.
class TapFrame {
public:
    // Of at least virtio_header_size + ETH_HLEN bytes, as a tap gives them.
    explicit TapFrame(View bytes) : bytes_(bytes) {}

    View bytes() const { return bytes_; }
    View ethernet() const { return bytes_.subspan(virtio_header_size); }
    // One that stands for several on the wire.
    bool is_segmented() const
    {
        return bytes_[virtio_gso_type_at] != virtio_gso_none;
    }

private:
    View bytes_;
};

// A frame of our own, which has its checksums, with such a header in front.
inline Buffer with_virtio_header(View ethernet)
{
    Buffer bytes(virtio_header_size);
    bytes.insert(bytes.end(), ethernet.begin(), ethernet.end());
    return bytes;
}

}  // namespace xl_colo
