#include "suspend_request.h"

namespace xl_colo {

namespace {

using Clock = ShutdownNode::Clock;

constexpr const char* request = "suspend";

// Returns what is asked of the guest now. The request of somebody who went
// before the answer came is as good as ours: a second one would have the guest
// suspend twice.
Result<std::string> make_request(ShutdownNode& node)
{
    auto made = node.replace("", request);
    if (!made) {
        return made.error();
    }
    return *made ? std::string(request) : node.read();
}

// Sees to it that the request does not stand any more.
Status end_request(ShutdownNode& node, SuspendAnswer& answer)
{
    auto taken_back = node.replace(request, "");
    if (!taken_back) {
        return taken_back.error();
    }
    if (!*taken_back) {
        answer.taken = Clock::now();
    }
    return {};
}

}  // namespace

Result<SuspendAnswer> ask_to_suspend(ShutdownNode& node,
                                     const std::function<bool()>& runs,
                                     std::chrono::milliseconds patience)
{
    auto deadline = Clock::now() + patience;
    SuspendAnswer answer;
    std::string word;
    bool asked = false;
    for (;;) {
        if (!runs()) {
            answer.stood = Clock::now();
            break;
        }
        if (!answer.taken) {
            auto now = asked ? node.read() : make_request(node);
            if (!now) {
                return now.error();
            }
            word = std::move(*now);
            if (asked && word != request) {
                // Or "xl shutdown" has written its own over it. Then the guest
                // is about to take that.
                answer.taken = Clock::now();
                deadline = *answer.taken + patience;
            }
            asked = asked || word == request;
        }
        if (Clock::now() >= deadline) {
            break;
        }
        node.wait(deadline);
    }
    if (!asked) {
        answer.instead = std::move(word);
        return answer;
    }
    if (!answer.taken) {
        // It was too quick for us to see, or will not take it.
        if (auto s = end_request(node, answer); !s) {
            return s.error();
        }
    }
    return answer;
}

}  // namespace xl_colo
