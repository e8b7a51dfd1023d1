#include "domain/suspend_request.h"

namespace xl_colo {

namespace {

using Clock = ShutdownNode::Clock;

constexpr const char* request = "suspend";

// Returns what is in the way of the request; nothing once it is made.
Result<std::optional<std::string>> make_request(ShutdownNode& node)
{
    using Obstacle = std::optional<std::string>;
    auto made = node.replace("", request);
    if (!made) {
        return made.error();
    }
    if (*made) {
        return Obstacle();
    }
    auto word = node.read();
    return word ? Result<Obstacle>(std::move(*word)) : word.error();
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
    answer.instead = "";  // until it is made
    for (;;) {
        if (!runs()) {
            answer.stood = Clock::now();
            break;
        }
        if (answer.instead) {
            auto obstacle = make_request(node);
            if (!obstacle) {
                return obstacle.error();
            }
            answer.instead = std::move(*obstacle);
        } else if (!answer.taken) {
            auto word = node.read();
            if (!word) {
                return word.error();
            }
            if (*word != request) {
                // Or "xl shutdown" has written its own over it. Then the guest
                // is about to take that.
                answer.taken = Clock::now();
                deadline = *answer.taken + patience;
            }
        }
        if (Clock::now() >= deadline) {
            break;
        }
        node.wait(deadline);
    }
    if (!answer.instead && !answer.taken) {
        // It was too quick for us to see, or will not take it.
        if (auto s = end_request(node, answer); !s) {
            return s.error();
        }
    }
    return answer;
}

}  // namespace xl_colo
