// Both sessions of a protected guest in one process: two fake hosts, a fake
// wire, and what each side says of itself at the end.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "fake_host.h"
#include "fake_log.h"
#include "fake_wire.h"
#include "session/primary.h"
#include "session/secondary.h"

namespace xl_colo {

class FakeFence : public Fence {
public:
    // Its answers, one after another; the last one stays.
    explicit FakeFence(std::vector<bool> answers)
        : answers_(std::move(answers)) {}
    Status run(const Interrupted& interrupted) override;
    // Each run takes that long, unless it is interrupted.
    std::chrono::milliseconds takes{0};
    size_t runs() const { return runs_; }
    bool said_yes() const { return said_yes_; }
    std::function<void()> on_run;

private:
    std::vector<bool> answers_;
    size_t runs_ = 0;
    bool said_yes_ = false;
};

// Whom both sides ask: the first one gets the guest.
class FakeThirdHost {
public:
    Claim claim(Role role);

private:
    std::mutex mutex_;
    std::optional<Role> holder_;
};

class FakeWitness : public Witness {
public:
    // Its answers to one side, one after another; the last one stays.
    explicit FakeWitness(std::vector<Claim> answers)
        : answers_(std::move(answers)) {}
    // The third host's, after these.
    FakeWitness(FakeThirdHost& third, Role role, std::vector<Claim> first = {})
        : answers_(std::move(first)), third_(&third), role_(role) {}
    ClaimAnswer claim(const Interrupted& interrupted) override;
    size_t claims() const { return claims_; }
    bool said_yours() const { return said_yours_; }
    std::function<void()> on_claim;

private:
    std::vector<Claim> answers_;
    FakeThirdHost* third_ = nullptr;
    Role role_ = Role::primary;
    size_t claims_ = 0;
    bool said_yours_ = false;
};

// One side, after the end.
struct SideOutcome {
    SessionEnd end{State::connecting, "", false};
    SessionStatus status;
    GuestState guest = GuestState::gone;  // of its domain, if it had one
    bool runs = false;                    // the guest goes on here
    bool has_run = false;
    std::string name;
    std::vector<std::string> violations;
};

struct PairOutcome {
    SideOutcome primary, secondary;
    std::chrono::milliseconds took{};
    std::map<FrameType, unsigned> frames;
    bool fenced = false;  // the fence or the witness has said yes
    bool witnessed = false;  // both sides had one to ask
};

// Set up what is public, then run() once.
class SessionPair {
public:
    // The hosts' names seed what their guests write.
    explicit SessionPair(const std::string& primary_name = "alpha",
                         const std::string& secondary_name = "beta");
    ~SessionPair();

    SessionOptions options;      // the same on both sides
    FakeHost primary_host, secondary_host;
    FakeLog primary_log, secondary_log;
    FakeWire wire;
    std::unique_ptr<FakeFence> fence;
    std::unique_ptr<FakeWitness> witness;  // the secondary's
    std::unique_ptr<FakeWitness> primary_witness;

    // Once both have ended, and before they go: for threads that ask something
    // of them.
    std::function<void()> at_end;

    // The running sessions, for whoever asks something of them.
    SessionControl& primary() { return *primary_; }
    SessionControl& secondary() { return *secondary_; }
    FakeGuest& guest() { return *guest_; }

    PairOutcome run();

private:
    std::shared_ptr<FakeGuest> guest_;
    SessionControl* primary_ = nullptr;
    SessionControl* secondary_ = nullptr;
};

}  // namespace xl_colo
