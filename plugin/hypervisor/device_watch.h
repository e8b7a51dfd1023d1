// Whether a guest has the devices yet that it had when somebody began to ask.
#pragma once

#include <string>

#include "base/result.h"

namespace xl_colo {

// Any thread.
class DeviceWatch {
public:
    virtual ~DeviceWatch() = default;
    // Readable: there may be something new; ask changes(), which ends that.
    virtual int fd() const = 0;
    // What is different, in words: "network card 00:16:3e:00:00:01 was
    // attached". Empty: nothing. Sees all that was done before the call, and
    // costs one question to xenstored as long as that has nothing new.
    virtual Result<std::string> changes() = 0;
};

}  // namespace xl_colo
