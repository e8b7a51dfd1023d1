// Has a guest with PV drivers suspend: by the word "suspend" in its node
// control/shutdown, which it takes out before it makes the hypercall.
//
// libxl does the same (domain_suspend_callback_common() in libxl_dom_suspend.c,
// 4.14 to 4.22), but writes over whatever is there. A "poweroff" that "xl
// shutdown" has just left is lost then, and xl, which only looks whether its
// word has gone, is content: seen with one shutdown in ten of a guest that has
// two checkpoints a second. And libxl waits for a guest that has shut down
// meanwhile, which takes nothing out any more, for its whole minute.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace xl_colo {

// Where a toolstack asks a guest for something, one word at a time. The guest
// can write there, too, whatever it likes. Error io.
class ShutdownNode {
public:
    using Clock = std::chrono::steady_clock;

    virtual ~ShutdownNode() = default;
    // "" when nothing is asked for.
    virtual Result<std::string> read() = 0;
    // Only if `from` is there. False if it is not, or somebody else wrote.
    virtual Result<bool> replace(const std::string& from,
                                 const std::string& to) = 0;
    // Until the word, or the state of some domain, may have changed since the
    // last time, or the deadline has come; also for no reason, every now and
    // then.
    virtual void wait(Clock::time_point deadline) = 0;
};

struct SuspendAnswer {
    using Clock = ShutdownNode::Clock;

    // When the guest was seen not to run any more: it has suspended, or has
    // shut down, which its state tells.
    std::optional<Clock::time_point> stood;
    // When the request was seen to have gone. One that was not taken has been
    // taken back.
    std::optional<Clock::time_point> taken;
    // What somebody else asked of the guest until then, so that the request was
    // not made. It may be the same word, an "xl save"'s.
    std::optional<std::string> instead;
};

// Until the guest `runs` no more. It has `patience` to take the request, and as
// long again to do it, as with libxl. After an error the request may stand.
Result<SuspendAnswer> ask_to_suspend(ShutdownNode& node,
                                     const std::function<bool()>& runs,
                                     std::chrono::milliseconds patience);

}  // namespace xl_colo
