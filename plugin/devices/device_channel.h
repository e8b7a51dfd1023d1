// By which a device on one host says something to the same one on the other, in
// its own words, while the session goes its way: DEVICE, docs/specs/
// colo-wire.md. What it says arrives in its order, and in that of the session's
// own frames.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

class DeviceChannel {
public:
    // Sends a DEVICE frame of these two pieces. May block; any thread.
    using Send = std::function<Status(View head, View words)>;
    // An error ends the session as protocol.
    using Hear = std::function<Status(View words)>;

    explicit DeviceChannel(Send send) : send_(std::move(send)) {}

    // `device`: its place among all of the guest's. Any thread. At most
    // device_words_max bytes. Error as a Link's.
    Status tell(size_t device, View words);
    // `hear` is called by the link's thread, and must not wait for the
    // session's.
    // Empty: nothing is heard any more, once this returns; what still comes is
    // dropped.
    void listen(size_t device, Hear hear);

    // The link's thread: a DEVICE frame has come.
    Status come(View body);

private:
    const Send send_;
    std::mutex mutex_;
    std::map<size_t, Hear> listeners_;
};

}  // namespace xl_colo
