#include "session/peer.h"

#include <algorithm>
#include <utility>

#include "wire/stop_frame.h"

namespace xl_colo {

std::optional<Error> end_in(const Event& event)
{
    if (auto* gone = std::get_if<PeerLost>(&event)) {
        return gone->error;
    }
    if (auto* stop = std::get_if<StopRequest>(&event)) {
        return Error(ErrorKind::asked_to_stop, stop->reason);
    }
    if (auto* stopped = std::get_if<GuestStopped>(&event)) {
        return Error(ErrorKind::guest_stopped,
                     std::string("the guest has stopped: ") +
                         to_string(stopped->state));
    }
    if (auto* changed = std::get_if<DevicesChanged>(&event)) {
        return changed->error;
    }
    auto* frame = std::get_if<Frame>(&event);
    if (frame && frame->type == FrameType::STOP) {
        return Error(ErrorKind::peer_stopped, stop_text(*frame));
    }
    if (frame && frame->type == FrameType::YIELDED) {
        return Error(ErrorKind::peer_yielded,
                     "the primary cannot run its guest any more");
    }
    return std::nullopt;
}

// What an event says of the peer holds from here on.
void Peer::note(const Event& event)
{
    if (auto* gone = std::get_if<PeerLost>(&event)) {
        ended_ = gone->error;
    } else if (auto* frame = std::get_if<Frame>(&event)) {
        takeover_ |= frame->type == FrameType::TAKEOVER;
        bye_ |= frame->type == FrameType::BYE;
        if (frame->type == FrameType::STOP) {
            stops_.push_back(stop_text(*frame));
        }
    }
}

Result<Frame> Peer::wait_for(FrameType type, Heeds heeds,
                             std::optional<std::chrono::milliseconds> limit)
{
    std::optional<EventQueue::Clock::time_point> deadline;
    if (limit) {
        deadline = EventQueue::Clock::now() + *limit;
    }
    while (!ended_) {
        auto event = queue_.take(deadline);
        if (!event) {
            return Error(ErrorKind::timeout,
                         "the other host is heard, but has not done its next "
                         "step (" + to_string(type) + ") within " +
                             std::to_string(limit->count()) + " ms");
        }
        note(*event);
        const auto end = end_in(*event);
        auto* frame = std::get_if<Frame>(&*event);
        if (end && (heeds == Heeds::everybody || frame || ended_)) {
            return *end;
        }
        if (!frame) {
            kept_.push_back(std::move(*event));
            continue;
        }
        if (frame->type == type) {
            return std::move(*frame);
        }
        if (heeds == Heeds::only_the_peer) {
            continue;  // of the step that ended, and still on its way
        }
        if (frame->type == FrameType::TAKEOVER) {
            return Error(ErrorKind::asked_to_stop,
                         "failover was asked for on the secondary");
        }
        return Error(ErrorKind::protocol, "expected " + to_string(type) +
                                              ", received " +
                                              to_string(frame->type));
    }
    return *ended_;
}

Result<Buffer> Peer::expect(FrameType type, CheckpointNumber number)
{
    auto limit = step_limit_;
    if (limit && number == CheckpointNumber{0}) {
        *limit *= initial_copy_factor;
    }
    auto frame = wait_for(type, Heeds::everybody, limit);
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

Result<Frame> Peer::insist(FrameType type)
{
    return wait_for(type, Heeds::only_the_peer);
}

std::optional<Event> Peer::next(
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
        note(*event);
    }
    return event;
}

std::optional<Event> Peer::next(
    std::optional<EventQueue::Clock::time_point> deadline,
    const std::function<void()>& each_second)
{
    for (;;) {
        const auto soon = EventQueue::Clock::now() + std::chrono::seconds(1);
        const bool is_last = deadline && *deadline <= soon;
        if (auto event = next(is_last ? *deadline : soon); event || is_last) {
            return event;
        }
        each_second();
    }
}

std::optional<Event> Peer::wait_local(
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

// What has come by now, in its order.
void Peer::keep_all()
{
    while (auto event = queue_.take(EventQueue::Clock::now())) {
        note(*event);
        kept_.push_back(std::move(*event));
    }
}

bool Peer::forget_failover_requests()
{
    keep_all();
    return std::erase_if(kept_, [](const Event& event) {
        return std::holds_alternative<FailoverRequest>(event);
    }) > 0;
}

bool Peer::is_asked_to_stop()
{
    keep_all();
    return std::ranges::any_of(kept_, [](const Event& event) {
        return std::holds_alternative<StopRequest>(event);
    });
}

bool Peer::is_asked_for_something()
{
    keep_all();
    return std::ranges::any_of(kept_, [](const Event& event) {
        return std::holds_alternative<StopRequest>(event) ||
               std::holds_alternative<FailoverRequest>(event);
    });
}

std::optional<Error> Peer::pending_end()
{
    if (ended_) {
        return ended_;
    }
    std::deque<Event> events = std::exchange(kept_, {});
    while (auto event = queue_.take(EventQueue::Clock::now())) {
        events.push_back(std::move(*event));
    }
    std::optional<Error> first;
    for (Event& event : events) {
        note(event);
        auto end = end_in(event);
        if (end && !first) {
            first = std::move(end);
        } else if (!std::holds_alternative<Frame>(event)) {
            kept_.push_back(std::move(event));
        }
    }
    return first;
}

Error Peer::why_it_failed(const Error& failure,
                          std::chrono::milliseconds patience)
{
    if (failure.kind() != ErrorKind::peer_lost) {
        return failure;
    }
    const auto deadline = EventQueue::Clock::now() + patience;
    auto end = pending_end();
    while (!end) {
        auto event = queue_.take(deadline);
        if (!event) {
            return failure;
        }
        note(*event);
        end = end_in(*event);
        if (!end && !std::holds_alternative<Frame>(*event)) {
            kept_.push_back(std::move(*event));
        }
    }
    return *end;
}

Status Peer::send(FrameType type, CheckpointNumber number, View rest)
{
    const Buffer head = BodyWriter().u64(number.value()).take();
    return sender_.send(type, {head, rest});
}

bool Peer::part(const std::string& why,
                std::chrono::milliseconds patience)
{
    // A peer whose words made no sense is told, but no longer listened to.
    if (lost() || !send_stop(why) || ended_) {
        return false;
    }
    const auto deadline = EventQueue::Clock::now() + patience;
    // Frames of the step that ends here may still be on their way.
    while (auto event = queue_.take(deadline)) {
        note(*event);
        if (ended_) {
            return false;
        }
        const auto* frame = std::get_if<Frame>(&*event);
        if (frame && (frame->type == FrameType::BYE ||
                      frame->type == FrameType::STOP)) {
            return true;
        }
    }
    return false;
}

Status Peer::send_stop(const std::string& why)
{
    return xl_colo::send_stop(sender_, why);
}

Status Peer::hear_of_copy(std::chrono::milliseconds patience)
{
    const auto deadline = EventQueue::Clock::now() + patience;
    std::string why = "no answer in time";
    // It may have come with the STOP.
    while (!bye_ && stops_.size() < 2 && !ended_) {
        auto event = queue_.take(deadline);
        if (!event) {
            break;
        }
        note(*event);
        if (auto* stop = std::get_if<StopRequest>(&*event)) {
            why = stop->reason;
            break;
        }
    }
    if (bye_) {
        return {};
    }
    if (stops_.size() > 1) {
        return Error(ErrorKind::peer_stopped, stops_.back());
    }
    return Error(ErrorKind::timeout,
                 "nothing says that its copy is gone: " +
                     (ended_ ? ended_->text() : why));
}

}  // namespace xl_colo
