#include "wire/stop_frame.h"

#include "base/bytes.h"
#include "base/text.h"

namespace xl_colo {

std::string stop_text(const Frame& frame)
{
    return without_controls(text_of(frame.body));
}

Status send_stop(FrameSender& sender, const std::string& why)
{
    constexpr size_t most = 60000;  // STOP holds 64 KiB
    const std::string text = why.substr(0, most);
    return sender.send(FrameType::STOP, {view_of(text)});
}

}  // namespace xl_colo
