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

std::string copy_name(const std::string& guest)
{
    return guest + "--incoming";
}

void Copy::enter(CopyState state)
{
    state_ = state;
    if (observer_) {
        observer_->copy_is(state);
    }
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

Status Copy::suspend(CheckpointNumber number)
{
    // One that is kept as the last checkpoint was put in has not moved since.
    if (state_ != CopyState::suspended) {
        const Status suspended = domain_->suspend_copy();
        // A failure may come after it stands.
        if (suspended || domain_->state() == GuestState::suspended) {
            enter(CopyState::suspended);
        }
        if (!suspended) {
            return suspended;
        }
    }
    return devices_.guest_stands(number);
}

Status Copy::commit(CheckpointNumber number)
{
    committed_ = number;
    return devices_.committed(number);
}

Status Copy::pause()
{
    const Status paused = domain_->pause();
    if (paused) {
        enter(CopyState::paused);
    }
    return paused;
}

Status Copy::run()
{
    // One that is only paused has not been told to stop.
    if (state_ != CopyState::paused) {
        if (auto s = devices_.may_run(committed_); !s) {
            return s;
        }
    }
    Status runs;
    if (state_ == CopyState::suspended) {
        runs = domain_->resume();
        // libxl has built it paused, and it may have stood ever since.
        if (runs && !was_unpaused_) {
            enter(CopyState::paused);
            runs = domain_->unpause();
        }
    } else {
        runs = domain_->unpause();
    }
    if (runs) {
        was_unpaused_ = true;
        enter(CopyState::running);
    }
    return runs;
}

Status Copy::become_guest()
{
    if (auto s = devices_.may_take_over(); !s) {
        // It is not to go on, alone, with what is not the guest's.
        if (state_ == CopyState::running) {
            (void)pause();
        }
        return s;
    }
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
            devices_.take_over();
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
    enter(CopyState::none);
    if (!domain_) {
        const Status gone = incoming_ ? incoming_->abandon() : Status();
        devices_.protection_ended(State::ended);
        devices_.tear_down();
        return gone ? gone : left_over("as it is", gone.error());
    }
    devices_.protection_ended(State::ended);
    devices_.tear_down();
    const Status destroyed = domain_->destroy();
    if (destroyed || domain_->state() == GuestState::gone) {
        domain_.reset();
        return {};
    }
    // At least it is not to run beside the primary's guest.
    const Status paused = domain_->pause();
    return left_over(paused ? "paused" : "as it is", destroyed.error());
}

Error Copy::left_over(const char* how, const Error& why) const
{
    return {why.kind(), "the copy, domain " + name_ + ", is left " + how +
                            ": \"xl destroy " +
                            std::to_string(incoming_->domid().value()) +
                            "\" it (" + why.text() + ")"};
}

}  // namespace xl_colo
