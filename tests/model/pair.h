// Two hosts, which are two processes: a guest that runs on the first is
// protected by a copy on the second, with the program's own sessions, relays
// and link, over the socket pair that joins them. The test looks on.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faults.h"
#include "guest.h"
#include "session/session.h"

namespace xl_colo::model {

// What is to go wrong in one of the processes; said in that process, before its
// session begins. The steps are those of ModelHost::pass.
class Scene {
public:
    Scene(Faults& faults, Role role) : faults_(faults), role_(role) {}

    // At the nth time that `step` comes during that checkpoint. What the action
    // does is seen by the session.
    void during(uint64_t checkpoint, const std::string& step, unsigned nth,
                std::function<void()> action);
    // The process ends there, as if the host had lost its power.
    void kill_during(uint64_t checkpoint, const std::string& step,
                     unsigned nth = 1);
    // The process stands still for so long, as if its host was frozen.
    void freeze_during(uint64_t checkpoint, const std::string& step,
                       std::chrono::milliseconds time);
    // This process, now.
    static void freeze(std::chrono::milliseconds time);
    void fail_during(uint64_t checkpoint, const std::string& step, Error error,
                     unsigned nth = 1);
    SessionControl& session() { return *session_; }
    void set_session(SessionControl& session) { session_ = &session; }

private:
    void when(uint64_t checkpoint, std::function<void()> action);

    Faults& faults_;
    Role role_;
    SessionControl* session_ = nullptr;
};

struct PairOptions {
    Bytes memory{16 << 20};
    std::chrono::milliseconds interval{10};
    std::chrono::milliseconds timeout{10000};
    bool verify = true;
    Output output = Output::compare;
    // With Output::automatic: whether the copy runs from there on.
    std::function<bool(CheckpointNumber)> copy_runs;
    std::optional<uint64_t> checkpoints = 5;  // beyond the initial copy
    std::set<std::string> without;            // work-arounds
    Compression compression = Compression::none;
    Bytes buffer = default_buffer;
    // What the link carries to the secondary, in bytes a millisecond; none: as
    // much as there is.
    std::optional<uint64_t> pace;
    // What an admin may do when the copy is held: "given up".
    bool give_up_when_held = false;
    std::function<void(Scene&)> on_primary, on_secondary;
};

// How one side came out. It is written as it becomes known, so what was known
// when a process was killed is here too.
struct Outcome {
    bool killed = false;        // by a signal
    bool ended = false;         // the session did; otherwise the rest is void
    State state{};
    bool orderly = false;
    std::string why, warning;
    uint64_t checkpoints = 0;
    // Whether the guest that was left here went on with its program, and found
    // memory and registers of one and the same moment.
    bool went_on = false;
    bool sound = false;
    // Why the process could not do its part; empty where it could.
    std::string trouble;
};

// The copy beside the guest. With `verify`, while both stand still, between a
// checkpoint's READY and RESUME; otherwise, whenever the copy goes on from a
// checkpoint, beside what the guest was when it stood for that. Left out are
// the pages that HVM params name.
struct Comparison {
    uint64_t made = 0;
    uint64_t differing_pages = 0;      // in all of them together
    uint64_t differing_registers = 0;  // comparisons with other registers
    uint64_t differing_devices = 0;    // or another device state
    uint64_t drifted = 0;  // checkpoints before which the copy had drifted
};

struct PairResult {
    Outcome primary, secondary;
    Comparison comparison;
    // With `pace`: milliseconds in which the primary's guest ran while what a
    // checkpoint beyond the initial copy sends was still being sent.
    uint64_t ran_while_sending = 0;
};

PairResult run_pair(const PairOptions& options);

}  // namespace xl_colo::model
