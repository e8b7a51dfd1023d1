#include "wire/frame.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/bytes.h"
#include "base/text.h"

namespace xl_colo {

namespace {

enum class From { both, primary, secondary };

struct TypeRow {
    FrameType type;
    const char* name;
    From from;
    uint32_t min;
    uint32_t max;
};

constexpr uint32_t json_max = 1u << 20;
constexpr uint32_t text_max = 64u << 10;
constexpr uint32_t dirty_set_max = 1u << 20;
constexpr uint32_t digests_max = 16 + 65536 * 16;
constexpr uint32_t disk_digests_max = 24 + 1024 * 16;
constexpr uint32_t disk_verified_max = 8 + 1024 * 8;
constexpr uint32_t verified_max = 16 + 64 * (16 + 4096);

// The table of the specification, with what each body may measure.
constexpr std::array rows{
    TypeRow{FrameType::HELLO, "HELLO", From::both, 2, json_max},
    TypeRow{FrameType::OFFER, "OFFER", From::primary, 2, json_max},
    TypeRow{FrameType::ACCEPT, "ACCEPT", From::secondary, 0, 0},
    TypeRow{FrameType::HEARTBEAT, "HEARTBEAT", From::both, 0, 0},
    TypeRow{FrameType::STOP, "STOP", From::both, 0, text_max},
    TypeRow{FrameType::BYE, "BYE", From::both, 0, 0},
    TypeRow{FrameType::DEVICE, "DEVICE", From::both,
            8, 8 + device_words_max},
    TypeRow{FrameType::IMAGE, "IMAGE", From::primary, 40, 40},
    TypeRow{FrameType::RECORD, "RECORD", From::primary, 8, frame_body_max},
    TypeRow{FrameType::DEVICE_STATE, "DEVICE_STATE", From::primary,
            8, frame_body_max},
    TypeRow{FrameType::CHECKPOINT, "CHECKPOINT", From::primary, 8, 8},
    TypeRow{FrameType::RESUME, "RESUME", From::primary, 8, 16},
    TypeRow{FrameType::DONE, "DONE", From::primary,
            done_body_size, done_body_size},
    TypeRow{FrameType::DIGESTS, "DIGESTS", From::primary, 16, digests_max},
    TypeRow{FrameType::PAGES, "PAGES", From::primary, 16, frame_body_max},
    TypeRow{FrameType::MEMORY, "MEMORY", From::primary, 16, 16},
    TypeRow{FrameType::PACKED_PAGES, "PACKED_PAGES", From::primary,
            24, frame_body_max},
    TypeRow{FrameType::STANDS, "STANDS", From::primary, 8, 8},
    TypeRow{FrameType::DISK_DIGESTS, "DISK_DIGESTS", From::primary,
            24, disk_digests_max},
    TypeRow{FrameType::SUSPENDED, "SUSPENDED", From::secondary, 8, 8},
    TypeRow{FrameType::DIRTY_SET, "DIRTY_SET", From::secondary,
            16, dirty_set_max},
    TypeRow{FrameType::COMMITTED, "COMMITTED", From::secondary, 8, 8},
    TypeRow{FrameType::READY, "READY", From::secondary, 8, 8},
    TypeRow{FrameType::RESUMED, "RESUMED", From::secondary, 32, 32},
    TypeRow{FrameType::VERIFIED, "VERIFIED", From::secondary,
            16, verified_max},
    TypeRow{FrameType::DIRTY_DIGESTS, "DIRTY_DIGESTS", From::secondary,
            24, digests_max},
    TypeRow{FrameType::CHECKPOINT_WANTED, "CHECKPOINT_WANTED", From::secondary,
            0, text_max},
    TypeRow{FrameType::KEPT, "KEPT", From::secondary, 8, 8},
    TypeRow{FrameType::DISK_VERIFIED, "DISK_VERIFIED", From::secondary,
            8, disk_verified_max},
    TypeRow{FrameType::TAKEOVER, "TAKEOVER", From::secondary, 0, 0},
    TypeRow{FrameType::YIELDED, "YIELDED", From::primary, 0, 0},
    TypeRow{FrameType::TAKEN_OVER, "TAKEN_OVER", From::secondary, 0, 0},
};

bool is_text(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return std::isprint(byte) || std::isspace(byte) || c == '\033';
}

const TypeRow* find_row(FrameType type)
{
    const auto row = std::ranges::find(rows, type, &TypeRow::type);
    return row == rows.end() ? nullptr : row;
}

}  // namespace

std::string to_string(FrameType type)
{
    const TypeRow* row = find_row(type);
    return row ? row->name
               : "frame type " + std::to_string(static_cast<uint32_t>(type));
}

bool may_come_from(FrameType type, FrameSource source)
{
    const TypeRow* row = find_row(type);
    return row && (row->from == From::both ||
                   (row->from == From::primary) ==
                       (source == FrameSource::primary));
}

Result<FrameHeader> parse_frame_header(View bytes)
{
    const auto type =
        static_cast<FrameType>(load_little<uint32_t>(bytes.data()));
    const auto length = load_little<uint32_t>(bytes.data() + 4);
    const TypeRow* row = find_row(type);
    if (!row) {
        const std::string text = text_of(bytes.first(frame_header_size));
        // No frame's header is text, as "Welcome " is.
        if (std::ranges::all_of(text, is_text)) {
            return Error(ErrorKind::protocol,
                         "\"" + without_controls(text) +
                             "...\" comes in place of the protocol: root's "
                             "shell there must print nothing where it has no "
                             "terminal (look at ~/.bashrc)");
        }
        return Error(ErrorKind::protocol, to_string(type) + " is unknown");
    }
    if (length < row->min || length > row->max) {
        return Error(ErrorKind::protocol,
                     to_string(type) + " with " + std::to_string(length) +
                         " bytes, allowed are " + std::to_string(row->min) +
                         " to " + std::to_string(row->max));
    }
    return FrameHeader{type, length};
}

std::array<uint8_t, frame_header_size> frame_header_bytes(FrameHeader header)
{
    std::array<uint8_t, frame_header_size> bytes{};
    store_little(static_cast<uint32_t>(header.type), bytes.data());
    store_little(header.length, bytes.data() + 4);
    return bytes;
}

BodyWriter& BodyWriter::u64(uint64_t value)
{
    put_little(buffer_, value);
    return *this;
}

BodyWriter& BodyWriter::bytes(View bytes)
{
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return *this;
}

Result<uint64_t> BodyReader::u64()
{
    if (rest_.size() < sizeof(uint64_t)) {
        return Error(ErrorKind::protocol, "the frame's body is too short");
    }
    const auto value = load_little<uint64_t>(rest_.data());
    rest_ = rest_.subspan(sizeof(uint64_t));
    return value;
}

Result<View> BodyReader::bytes(size_t size)
{
    if (rest_.size() < size) {
        return Error(ErrorKind::protocol, "the frame's body is too short");
    }
    const View taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
}

}  // namespace xl_colo
