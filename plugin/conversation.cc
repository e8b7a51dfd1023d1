#include "conversation.h"

#include "handshake.h"

namespace xl_colo {

Result<Frame> Conversation::expect(
    FrameType type, std::optional<EventQueue::Clock::time_point> deadline)
{
    while (!ended_) {
        std::optional<Event> event = queue_.take(deadline);
        if (!event) {
            return Error(ErrorKind::timeout,
                         "no " + to_string(type) + " in time");
        }
        if (auto* gone = std::get_if<PeerLost>(&*event)) {
            ended_ = gone->error;
            break;
        }
        auto* frame = std::get_if<Frame>(&*event);
        if (!frame) {
            kept_.push_back(std::move(*event));
            continue;
        }
        if (frame->type == type) {
            return std::move(*frame);
        }
        if (frame->type == FrameType::STOP) {
            return Error(ErrorKind::peer_stopped, stop_text(*frame));
        }
        if (frame->type == FrameType::TAKEOVER) {
            takeover_ = true;
            return Error(ErrorKind::cancelled,
                         "failover was asked for on the secondary");
        }
        return Error(ErrorKind::protocol, "expected " + to_string(type) +
                                              ", received " +
                                              to_string(frame->type));
    }
    return *ended_;
}

Result<Buffer> Conversation::expect(FrameType type, CheckpointNumber number)
{
    auto frame = expect(type);
    if (!frame) {
        return frame.error();
    }
    BodyReader body(frame->body);
    auto theirs = body.u64();
    if (!theirs) {
        return theirs.error().with_context(to_string(type));
    }
    if (*theirs != number.value()) {
        return Error(ErrorKind::protocol,
                     to_string(type) + " of checkpoint " +
                         std::to_string(*theirs) + " during checkpoint " +
                         std::to_string(number.value()));
    }
    // In place: a device state or a list may be large.
    frame->body.erase(frame->body.begin(),
                      frame->body.begin() + sizeof(uint64_t));
    return std::move(frame->body);
}

std::optional<Event> Conversation::next(
    std::optional<EventQueue::Clock::time_point> deadline)
{
    if (ended_) {
        return PeerLost{*ended_};
    }
    std::optional<Event> event;
    if (!kept_.empty()) {
        event = std::move(kept_.front());
        kept_.pop_front();
    } else {
        event = queue_.take(deadline);
    }
    if (event) {
        if (auto* gone = std::get_if<PeerLost>(&*event)) {
            ended_ = gone->error;
        } else if (auto* frame = std::get_if<Frame>(&*event)) {
            takeover_ |= frame->type == FrameType::TAKEOVER;
        }
    }
    return event;
}

std::optional<Event> Conversation::wait_local(
    EventQueue::Clock::time_point deadline)
{
    while (auto event = kept_.empty() ? queue_.take(deadline)
                                      : std::optional(kept_.front())) {
        if (!kept_.empty()) {
            kept_.pop_front();
        }
        if (!std::holds_alternative<Frame>(*event) &&
            !std::holds_alternative<PeerLost>(*event)) {
            return event;
        }
    }
    return std::nullopt;
}

Status Conversation::send(FrameType type, CheckpointNumber number, View rest)
{
    const Buffer head = BodyWriter().u64(number.value()).take();
    return sender_.send(type, {head, rest});
}

void Conversation::part(const std::string& why,
                        std::chrono::milliseconds patience)
{
    if (lost() || !send_stop(sender_, why) || ended_) {
        return;
    }
    const auto deadline = EventQueue::Clock::now() + patience;
    // Frames of the step that ends here may still be on their way.
    while (auto event = queue_.take(deadline)) {
        if (auto* gone = std::get_if<PeerLost>(&*event)) {
            ended_ = gone->error;
            return;
        }
        const auto* frame = std::get_if<Frame>(&*event);
        if (frame && (frame->type == FrameType::BYE ||
                      frame->type == FrameType::STOP)) {
            return;
        }
    }
}

}  // namespace xl_colo
