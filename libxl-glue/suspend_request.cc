#include "suspend_request.h"

namespace xl_colo {

namespace {

constexpr const char* request = "suspend";

// Whether the request stands. That of somebody who went before the answer came
// is as good: a second one would have the guest suspend twice.
Result<bool> make_request(ShutdownNode& node)
{
    auto word = node.read();
    if (!word) {
        return word.error();
    }
    return word->empty() ? node.replace("", request) : *word == request;
}

}  // namespace

Result<SuspendAnswer> ask_to_suspend(ShutdownNode& node,
                                     const std::function<bool()>& runs,
                                     std::chrono::milliseconds patience)
{
    using Clock = ShutdownNode::Clock;
    const auto deadline = Clock::now() + patience;
    bool asked = false;
    SuspendAnswer answer;
    for (;;) {
        if (asked && !answer.taken) {
            auto word = node.read();
            if (!word) {
                return word.error();
            }
            if (*word != request) {
                answer.taken = Clock::now();
            }
        }
        answer.stands = !runs();
        if (answer.stands) {
            return answer;
        }
        if (!asked) {
            auto made = make_request(node);
            if (!made) {
                return made.error();
            }
            asked = *made;
        }
        auto changed = node.wait(deadline);
        if (!changed) {
            return changed.error();
        }
        if (!*changed) {
            break;
        }
    }
    if (!asked || answer.taken) {
        return answer;
    }
    auto taken_back = node.replace(request, "");
    if (!taken_back) {
        return taken_back.error();
    }
    if (!*taken_back) {
        answer.taken = Clock::now();
    }
    return answer;
}

}  // namespace xl_colo
