// Frames, as docs/specs/colo-wire.md lays them out.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

enum class FrameType : uint32_t {
    HELLO = 0x0001,
    OFFER = 0x0002,
    ACCEPT = 0x0003,
    HEARTBEAT = 0x0004,
    STOP = 0x0005,
    BYE = 0x0006,
    DEVICE = 0x0007,
    IMAGE = 0x0010,
    RECORD = 0x0011,
    DEVICE_STATE = 0x0012,
    CHECKPOINT = 0x0013,
    RESUME = 0x0014,
    DONE = 0x0015,
    DIGESTS = 0x0016,
    PAGES = 0x0017,
    MEMORY = 0x0018,
    PACKED_PAGES = 0x0019,
    STANDS = 0x001a,
    DISK_DIGESTS = 0x001b,
    SUSPENDED = 0x0020,
    DIRTY_SET = 0x0021,
    COMMITTED = 0x0022,
    READY = 0x0023,
    RESUMED = 0x0024,
    VERIFIED = 0x0025,
    DIRTY_DIGESTS = 0x0026,
    CHECKPOINT_WANTED = 0x0027,
    KEPT = 0x0028,
    DISK_VERIFIED = 0x0029,
    TAKEOVER = 0x0030,
    YIELDED = 0x0031,
    TAKEN_OVER = 0x0032,
};

std::string to_string(FrameType type);

// Which side a frame is of.
enum class FrameSource { primary, secondary };
// Whether that side sends such frames.
bool may_come_from(FrameType type, FrameSource source);

struct Frame {
    FrameType type;
    Buffer body;
};

constexpr uint32_t frame_header_size = 8;
// The largest record of libxc's stream with its header, and the number of its
// checkpoint before it; a static_assert in relay/ holds the two together.
constexpr uint32_t frame_body_max = (128u << 20) + 16;

// What a device may say at once, in DEVICE.
constexpr uint32_t device_words_max = 1u << 20;

// Of DONE; a static_assert in session/ holds it and the figures together.
constexpr uint32_t done_body_size = 200;

struct FrameHeader {
    FrameType type;
    uint32_t length;   // of the body, in bytes, without padding
};

// What follows a body of that length on the wire.
constexpr uint32_t padding_of(uint32_t length) { return -length & 7u; }

// The 8 bytes of a header. Error protocol when the type is unknown or the
// length is more than that type may have.
Result<FrameHeader> parse_frame_header(View bytes);
std::array<uint8_t, frame_header_size> frame_header_bytes(FrameHeader header);

// Bodies. Little-endian integers in and out of bytes.
class BodyWriter {
public:
    BodyWriter& u64(uint64_t value);
    BodyWriter& bytes(View bytes);
    Buffer take() { return std::move(buffer_); }

private:
    Buffer buffer_;
};

// Reads off the front. Every method errs with protocol when too little is left.
class BodyReader {
public:
    explicit BodyReader(View body) : rest_(body) {}
    Result<uint64_t> u64();
    // A view of that many, valid as long as the body.
    Result<View> bytes(size_t size);
    View rest() const { return rest_; }

private:
    View rest_;
};

}  // namespace xl_colo
