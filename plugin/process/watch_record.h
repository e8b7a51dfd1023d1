// What a process that protects a guest leaves for the one that watches it, in
// memory that both share: all that is needed once it is dead.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "session/observer.h"
#include "status/status.h"

namespace xl_colo {

class WatchRecord : public SessionObserver {
public:
    // Before the fork. Throws std::system_error where there is no memory.
    WatchRecord();
    ~WatchRecord() override;
    WatchRecord(const WatchRecord&) = delete;
    WatchRecord& operator=(const WatchRecord&) = delete;

    // ---- the process that is watched

    // How a loss is settled: what says which side has the guest.
    struct Arbiter {
        std::string witness;  // command; empty: none
        std::string session;
        bool fence = false;
        std::chrono::milliseconds timeout{};
    };
    // From here on there is something to do when it dies.
    void begin(const Arbiter& arbiter);
    // From here on there is not.
    void finish() { shared_->finished = true; }
    // StatusBoard's.
    void note(const SessionStatus& status);
    // Where messages go once the terminal is left.
    void set_log(const std::string& path);

    void guest_stands(bool by_us) override { shared_->stands = by_us; }
    void guest_is_paused(int more) override { shared_->pauses += more; }
    void copy_may_take_over() override { shared_->may_take_over = true; }
    void copy_is(CopyState state) override { shared_->copy = state; }

    // ---- the one that watches, once the other is dead

    struct Findings {
        bool begun = false, finished = false;
        std::string domain, peer;
        Domid domid;
        Role role = Role::primary;
        State state = State::connecting;
        bool stands = false;         // primary: the guest, by us
        int pauses = 0;              // primary: of the guest, by us
        bool may_take_over = false;  // primary: the secondary
        CopyState copy = CopyState::none;
        Arbiter arbiter;
    };
    Findings read() const;
    // Also while the other lives, once it has said that it is set.
    std::string log() const { return shared_->log; }

private:
    // Zeros, to begin with.
    struct Shared {
        std::atomic<bool> begun, finished, stands, may_take_over, fence;
        std::atomic<int> pauses;
        std::atomic<CopyState> copy;
        std::atomic<State> state;
        std::atomic<Role> role;
        std::atomic<uint32_t> domid;
        std::atomic<int64_t> timeout_ms;
        char domain[1024], peer[1024], log[4096], session[128];
        char witness[65536];
    };
    static_assert(std::atomic<int64_t>::is_always_lock_free);

    Shared* shared_;
};

}  // namespace xl_colo
