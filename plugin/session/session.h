// What both sides of a protected domain have in common: what they are told,
// how they end, and what other threads may ask of them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/left_out.h"
#include "base/log.h"
#include "devices/device_kind.h"
#include "relay/stream_to_wire.h"
#include "session/observer.h"
#include "session/session_key.h"
#include "session/settings.h"
#include "status/status.h"

namespace xl_colo {

struct SessionOptions {
    SessionSettings settings;
    // Ends protection after so many checkpoints beyond the initial copy.
    std::optional<uint64_t> max_checkpoints;
    // Called once, by the session's thread, when the first checkpoint stands.
    std::function<void()> on_protected;
    // Primary: how long a secondary that is heard may take for one step. Twice
    // what QEMU has for one command, of which a step takes a few: the guest
    // stands meanwhile, but whatever comes to its end costs less than
    // protection. Those of the initial copy may take ten times as long.
    std::chrono::milliseconds step_timeout{60'000};
    // Primary, where the copy runs: how long what the guest sends waits for the
    // copy to send the same, before a checkpoint is taken for it.
    std::chrono::milliseconds compare_timeout{100};
    // Primary, Output::automatic: whether the copy runs from that checkpoint
    // on. Empty: as output_choice.h measures; another one is for tests.
    std::function<bool(CheckpointNumber)> copy_runs{};
    // Primary: how much of a checkpoint may be copied and not sent while its
    // guest goes on.
    Bytes buffer = default_buffer;
    // Primary: how long a guest that cannot be resumed may take to go away:
    // somebody may just be destroying it.
    std::chrono::milliseconds until_gone{15'000};
    // Secondary: how long xl-colo-failover waits for a primary that is heard.
    // A guest with PV drivers has two minutes to suspend, Domain::suspend().
    std::chrono::milliseconds yield_limit{150'000};
    // Secondary: gets what has to be there as long as a guest is that was taken
    // over, DeviceContext::keep_with_guest.
    std::function<void(std::shared_ptr<void>)> keep_with_guest{};
    // What makes the devices of settings.devices.
    DeviceKinds kinds{};
    // Null, or outlives the session.
    SessionObserver* observer = nullptr;
};

// How a session ended: what is left of the guest on this host, and why.
struct SessionEnd {
    State state;      // unprotected, taken_over, held or ended
    std::string why;
    bool orderly;     // somebody asked for it; nothing went wrong
    bool guest_may_suspend = false;  // Domain::may_suspend_yet()
};

// What other threads ask of a running session. Any thread, never blocks.
class SessionControl {
public:
    virtual ~SessionControl() = default;
    virtual void request_stop(const std::string& reason) = 0;
    virtual void request_failover() = 0;
    // Some domain of this host shut down or went away; perhaps this one.
    virtual void domains_changed() = 0;
};

}  // namespace xl_colo
