#include "wire/frame_router.h"

namespace xl_colo {

void FrameRouter::route(FrameType type, Receiver receiver)
{
    const std::lock_guard lock(mutex_);
    receivers_[type] = std::move(receiver);
}

void FrameRouter::refuse(FrameType type)
{
    route(type, [](const Frame& frame) {
        return Error(ErrorKind::protocol,
                     "unexpected " + to_string(frame.type));
    });
}

Status FrameRouter::take(Frame frame)
{
    if (!may_come_from(frame.type, peer_)) {
        return Error(ErrorKind::protocol,
                     to_string(frame.type) + " is not the peer's to send");
    }
    Receiver receiver = otherwise_;
    {
        const std::lock_guard lock(mutex_);
        const auto found = receivers_.find(frame.type);
        if (found != receivers_.end()) {
            receiver = found->second;
        }
    }
    return receiver(std::move(frame));
}

}  // namespace xl_colo
