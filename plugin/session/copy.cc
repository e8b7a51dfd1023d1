#include "session/copy.h"

namespace xl_colo {

namespace {

constexpr int most_pauses_of_others = 16;

}  // namespace

bool is_whole(CopyState state)
{
    switch (state) {
    case CopyState::unstarted:
    case CopyState::running:
    case CopyState::paused:
    case CopyState::suspended:
        return true;
    case CopyState::none:
    case CopyState::spoilt:
        break;
    }
    return false;
}

void Copy::begin(std::unique_ptr<Incoming> incoming)
{
    incoming_ = std::move(incoming);
}

Status Copy::finish_building()
{
    auto domain = incoming_->wait_built();
    if (!domain) {
        return domain.error();
    }
    domain_ = std::move(*domain);
    return {};
}

Status Copy::suspend()
{
    const Status suspended = domain_->suspend_copy();
    // A failure may come after it stands.
    if (suspended || domain_->state() == GuestState::suspended) {
        state_ = CopyState::suspended;
    }
    return suspended;
}

Status Copy::pause()
{
    const Status paused = domain_->pause();
    if (paused) {
        state_ = CopyState::paused;
    }
    return paused;
}

Status Copy::run()
{
    const Status runs = state_ == CopyState::suspended ? domain_->resume()
                                                       : domain_->unpause();
    if (runs) {
        state_ = CopyState::running;
    }
    return runs;
}

Status Copy::become_guest()
{
    if (state_ != CopyState::running) {
        if (auto s = run(); !s) {
            return s;
        }
    }
    // Xen counts how often a domain was paused.
    for (int i = 0; i < most_pauses_of_others; ++i) {
        const auto paused = domain_->is_paused();
        if (!paused) {
            return paused.error();
        }
        if (!*paused) {
            return {};
        }
        if (auto s = domain_->unpause(); !s) {
            return s;
        }
    }
    return Error(ErrorKind::refused, "others pause the domain all the time");
}

Status Copy::destroy()
{
    state_ = CopyState::none;
    if (incoming_ && !domain_) {
        incoming_->abandon();
        incoming_.reset();
    }
    if (!domain_) {
        return {};
    }
    const Status destroyed = domain_->destroy();
    if (destroyed) {
        domain_.reset();
        return {};
    }
    // At least it is not to run beside the primary's guest.
    const Status paused = domain_->pause();
    return Error(destroyed.error().kind(),
                 "the copy, domain " + name_ + ", is left " +
                     (paused ? "paused" : "as it is") + ": \"xl destroy " +
                     std::to_string(domain_->domid().value()) + "\" it (" +
                     destroyed.error().text() + ")");
}

}  // namespace xl_colo
