// Hands each frame of the peer to whoever wants its type. Who wants one says so
// before the link is started, or while nothing of that type can come yet; what
// nobody has asked for goes to the session.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "base/result.h"
#include "wire/frame.h"
#include "wire/link.h"

namespace xl_colo {

class FrameRouter {
public:
    // Called by the link's thread. An error ends the link.
    using Receiver = std::function<Status(Frame frame)>;

    // `peer`: of which the frames are. `otherwise`: gets what has no receiver.
    FrameRouter(FrameSource peer, Receiver otherwise)
        : peer_(peer), otherwise_(std::move(otherwise))
    {
    }

    // Any thread. One receiver a type: the last one counts.
    void route(FrameType type, Receiver receiver);
    // Frames of that type are an error from now on: whoever received them is
    // gone.
    void refuse(FrameType type);

    // The link's thread. Error protocol for a type that is the other role's to
    // send.
    Status take(Frame frame);

private:
    FrameSource peer_;
    Receiver otherwise_;
    std::mutex mutex_;
    std::map<FrameType, Receiver> receivers_;
};

}  // namespace xl_colo
