// The copy of the guest on the secondary: its domain, and what is in it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "devices/device_set.h"
#include "hypervisor/page_mover.h"
#include "session/copy_limits.h"
#include "session/copy_state.h"
#include "session/observer.h"

namespace xl_colo {

// What the copy of a guest is called, as long as it is one.
std::string copy_name(const std::string& guest);

// For the session's thread alone, but for limits().take().
class Copy {
public:
    // `name`: the domain's, as long as it is a copy. `observer`: null, or
    // outlives it.
    explicit Copy(std::string name, SessionObserver* observer = nullptr)
        : name_(std::move(name)), observer_(observer) {}

    // libxl has begun to build the domain.
    void begin(std::unique_ptr<Incoming> incoming);
    // It has come to its end. Error: Incoming::wait_built()'s.
    Status finish_building();

    // A step of the protocol has brought the copy there.
    void enter(CopyState state);
    CopyState state() const { return state_; }
    bool is_whole() const { return xl_colo::is_whole(state_); }
    // The last checkpoint that commit() was called for; 0, which is not.
    CheckpointNumber committed() const { return committed_; }

    // Stops it for checkpoint `number`, whatever its guest does, if it does not
    // stand from the last one; then its devices.
    Status suspend(CheckpointNumber number);
    // The primary's guest is in `number` beyond doubt: the copy's own doings
    // are void from here on, also those of its devices.
    Status commit(CheckpointNumber number);
    // Holds one that runs.
    Status pause();
    // Lets one run that stands. After an error it is what it was, or paused.
    Status run();
    // The same for good, also if somebody else has paused it ("xl pause").
    Status become_guest();
    // Destroys it. Afterwards there is none, or what is left of it does not run
    // if that can be helped; then the error says, for an admin, what to do.
    Status destroy();

    const std::string& name() const { return name_; }
    Incoming& incoming() { return *incoming_; }
    // Null until it is built, and once it is destroyed.
    Domain* domain() { return domain_.get(); }
    CopyLimits& limits() { return limits_; }
    // Empty until they are made, once the copy is built.
    DeviceSet& devices() { return devices_; }

private:
    Error left_over(const char* how, const Error& why) const;

    std::string name_;
    SessionObserver* observer_;
    CopyState state_ = CopyState::none;
    CopyLimits limits_;
    std::unique_ptr<Incoming> incoming_;
    std::unique_ptr<Domain> domain_;
    DeviceSet devices_;  // of the domain
    CheckpointNumber committed_;
    bool was_unpaused_ = false;  // since it was built
};

}  // namespace xl_colo
