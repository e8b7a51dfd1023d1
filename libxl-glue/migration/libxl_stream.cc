#include "migration/libxl_stream.h"

#include "base/bytes.h"

namespace xl_colo {

namespace {

// libxl_sr_stream_format.h, Xen 4.17.
constexpr uint64_t RESTORE_STREAM_IDENT = 0x4c6962786c466d74;  // "LibxlFmt"
constexpr uint32_t RESTORE_STREAM_VERSION = 2;
constexpr uint32_t REC_TYPE_END = 0;
constexpr uint32_t REC_TYPE_LIBXC_CONTEXT = 1;
constexpr uint32_t REC_TYPE_EMULATOR_CONTEXT = 3;
constexpr uint32_t EMULATOR_QEMU_UPSTREAM = 2;

void put_record_header(Buffer& out, uint32_t type, size_t length)
{
    put_little<uint32_t>(out, type);
    put_little<uint32_t>(out, static_cast<uint32_t>(length));
}

}  // namespace

Buffer libxl_stream_opening()
{
    Buffer out;
    // The header is big-endian; bit 0 of its options says whether the rest is.
    put_big<uint64_t>(out, RESTORE_STREAM_IDENT);
    put_big<uint32_t>(out, RESTORE_STREAM_VERSION);
    put_big<uint32_t>(out, 0);
    put_record_header(out, REC_TYPE_LIBXC_CONTEXT, 0);
    return out;
}

Buffer libxl_stream_closing(View device_state)
{
    Buffer out;
    put_record_header(out, REC_TYPE_EMULATOR_CONTEXT, 8 + device_state.size());
    put_little<uint32_t>(out, EMULATOR_QEMU_UPSTREAM);
    put_little<uint32_t>(out, 0);  // index: QEMU has one only
    out.insert(out.end(), device_state.begin(), device_state.end());
    out.resize((out.size() + 7) & ~size_t{7});
    put_record_header(out, REC_TYPE_END, 0);
    return out;
}

Buffer libxl_stream_closing()
{
    Buffer out;
    put_record_header(out, REC_TYPE_END, 0);
    return out;
}

}  // namespace xl_colo
