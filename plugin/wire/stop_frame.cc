#include "wire/stop_frame.h"

#include <cctype>

#include "base/bytes.h"

namespace xl_colo {

std::string stop_text(const Frame& frame)
{
    std::string text = text_of(frame.body);
    for (char& c : text) {
        if (std::iscntrl(static_cast<unsigned char>(c))) {
            c = ' ';
        }
    }
    return text;
}

Status send_stop(FrameSender& sender, const std::string& why)
{
    constexpr size_t most = 60000;  // STOP holds 64 KiB
    const std::string text = why.substr(0, most);
    return sender.send(FrameType::STOP, {view_of(text)});
}

}  // namespace xl_colo
