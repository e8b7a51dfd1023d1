// What a protected domain's process knows of itself, as xl-colo-status shows
// it. One struct feeds the table and the JSON.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace xl_colo {

using Microseconds = std::chrono::microseconds;
using WallClock = std::chrono::system_clock;

enum class Role { primary, secondary };

enum class State {
    connecting,   // no offer accepted yet
    copying,      // the initial copy; nothing is protected yet
    protecting,   // the last checkpoint stands
    unprotected,  // primary: the guest runs here alone
    fencing,      // secondary: primary lost, the fence command has not said yes
    taken_over,   // secondary: the guest runs here alone
    held,         // primary: yielded to a failover, outcome not known
    ended,        // nothing of the guest is left here
};

// What an admin has to look into, the most urgent first. Each kind stands until
// it is taken back, or until another text takes its place.
enum class WarningKind {
    guest_twice,    // the guest may be running on both hosts
    guest_stands,   // it is here, is to run, and does not
    guest_held,     // primary: it was given up to the other, which is not heard
    copy_runs,      // secondary: the copy should stand still, and does not
    fence_says_no,  // secondary: the copy is held until something says yes
    copy_held,      // secondary: the same, for another reason
    copy_left,      // the secondary's copy could not be destroyed, and stands
    card_cut_off,   // secondary: the guest runs here, a card does not work
    wrong_name,     // secondary: the guest is here under its copy's name
    process_died,   // the one that protected it, or held the copy
    left_out,       // by --without: the guest is not really protected
};

struct Warning {
    WarningKind kind;
    std::string text;  // what is so, and what to do
};

const char* to_string(Role role);
const char* to_string(State state);
const char* to_string(WarningKind kind);

// One checkpoint, as the primary measured it; sent to the secondary in DONE.
struct CheckpointFigures {
    CheckpointNumber number;
    // The primary's guest: suspend begun to running again.
    Microseconds pause{};
    // Of it: until the guest had taken the request to suspend (unknown if it
    // got none), until its vCPUs stood, until its devices stood as well; to
    // copy its pages, and of that, waiting because the buffer was full; then,
    // until the other host said that it keeps what the guest's disks have
    // (unknown if it keeps nothing); and, at the end, until it ran once it
    // might.
    std::optional<Microseconds> acknowledge;
    Microseconds guest_suspend{};
    Microseconds suspend{};
    Microseconds copy{};
    Microseconds buffer_wait{};
    std::optional<Microseconds> disk_wait;
    Microseconds resume{};
    // From the same beginning: until COMMITTED, and of it, until all but the
    // device state was sent; until both guests ran.
    Microseconds commit{};
    Microseconds send{};
    Microseconds both_run{};
    // The copy: suspend begun to running again; of it, until it stood, and to
    // put the checkpoint in. Unknown for the initial copy.
    std::optional<Microseconds> copy_pause, copy_suspend, copy_load;
    std::optional<Pages> a, b;      // unknown for the initial copy
    Pages d;
    Pages left_out;                 // of D, because the secondary has them
    Pages zeros;                    // of D, sent as a mark
    Bytes saved;                    // by both
    Bytes copied;                   // before they were sent
    Bytes to_secondary, to_primary; // on the wire since the checkpoint before
    WallClock::time_point taken;
};

// A device that takes part in checkpoints.
struct DeviceStatus {
    std::string name;
    std::string kind;
    std::string text;  // one line: how it is
    bool operator==(const DeviceStatus&) const = default;
};

// What becomes of what the guest sends: --output, and of which that may change
// from one checkpoint to the next, how it is now.
struct OutputStatus {
    std::string mode;  // empty: not known
    std::optional<bool> copy_runs = {};
    std::optional<CheckpointNumber> since = {};  // that
    std::string why = {};                        // in words
    // What an answer waits in the mean, as measured.
    std::optional<Microseconds> wait_copy_runs = {}, wait_copy_stands = {};
};

struct SessionStatus {
    std::string domain;
    Domid domid;
    Role role = Role::primary;
    State state = State::connecting;
    std::string peer;
    WallClock::time_point since;    // of the present state
    uint64_t checkpoints = 0;       // that stand, the initial copy included
    std::optional<CheckpointFigures> last;
    std::string last_because;  // why it was begun; the primary's alone
    std::deque<CheckpointFigures> recent;  // newest last, initial copy left out
    std::optional<std::string> ended;      // why protection ended
    std::vector<Warning> warnings;  // one of a kind, the most urgent first
    std::chrono::milliseconds interval{};
    OutputStatus output;
    std::vector<DeviceStatus> devices;  // as of the last checkpoint
    bool verify = false;
    uint64_t verified = 0;          // checkpoints compared and found equal

    // Null where there is no warning of that kind.
    const Warning* warning(WarningKind kind) const;
};

// The live status of this process: the session writes, the control socket
// reads. Any thread.
class StatusBoard {
public:
    static constexpr size_t recent_kept = 128;

    // `on_change` is called at once and after each change of state, peer or
    // domid, with what the board says then; by whoever changed it, by one at a
    // time. It may not use the board.
    using OnChange = std::function<void(const SessionStatus&)>;
    explicit StatusBoard(SessionStatus initial, OnChange on_change = nullptr);
    SessionStatus read() const;
    void enter(State state);
    // `because`: in a few words, if this side knows.
    void add(const CheckpointFigures& figures, bool verified,
             const std::string& because = "");
    void end(State state, const std::string& why);
    void warn(WarningKind kind, const std::string& text);
    void clear(WarningKind kind);
    void set_domid(Domid domid);
    void set_devices(std::vector<DeviceStatus> devices);
    void set_output(OutputStatus output);
    void set_peer(const std::string& peer);

private:
    void changed();

    mutable std::mutex mutex_;
    SessionStatus status_;
    OnChange on_change_;
};

}  // namespace xl_colo
