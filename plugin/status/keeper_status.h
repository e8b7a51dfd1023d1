// What an xl-colo-keep knows of itself, as xl-colo-status shows it: who tries
// to have a guest protected, since when, what was wrong last, when it tries
// again. It is there when no process protects the guest, too.
#pragma once

#include <sys/types.h>

#include <array>
#include <mutex>
#include <optional>
#include <string>

#include "base/json.h"
#include "status/status.h"

namespace xl_colo {

enum class KeeperState {
    looking,    // it could not find out yet how the guest is
    resting,    // there is nothing to do: it is protected, or about to be
    elsewhere,  // the guest is not on this host
    starting,   // xl-colo-start is under way
    waiting,    // that has failed; the next one is to come
    admin,      // it is not known who has the guest: an admin has to say
};

inline constexpr std::array all_keeper_states{
    KeeperState::looking,  KeeperState::resting, KeeperState::elsewhere,
    KeeperState::starting, KeeperState::waiting, KeeperState::admin};

const char* to_string(KeeperState state);

struct KeeperStatus {
    struct Failure {
        std::string text;  // one line
        WallClock::time_point when;
    };

    pid_t pid = 0;
    std::string config;  // the file
    std::string peer;    // the host that it names
    KeeperState state = KeeperState::looking;
    WallClock::time_point since;  // of that state
    std::string text;             // what it found, in one line
    // Since when the guest was to be protected and was not, how often that
    // failed since, and when it is tried again; nothing where it does not try.
    std::optional<WallClock::time_point> trying_since;
    uint64_t failed_starts = 0;
    std::optional<WallClock::time_point> next_start;
    std::optional<Failure> last_failure;  // stays when that is over
};

// The object, as xl-colo-status(1) has it, and the way back. Error protocol,
// naming the key.
void write_keeper(JsonWriter& json, const KeeperStatus& keeper);
Result<KeeperStatus> keeper_from_json(const Json& object);

// The live status: the keeper's thread writes, its control socket reads.
class KeeperBoard {
public:
    explicit KeeperBoard(KeeperStatus initial);
    KeeperStatus read() const;

    void find(KeeperState state, const std::string& text);
    void find_protected(const std::string& text);
    void begin_start();
    void fail_start(const std::string& why);
    void wait_until(WallClock::time_point next_start);
    // A session's end, which was at `when`.
    void note_loss(const std::string& why, WallClock::time_point when);

private:
    void enter(KeeperState state, const std::string& text);
    void try_since_now();

    mutable std::mutex mutex_;
    KeeperStatus status_;
};

}  // namespace xl_colo
