// One protected domain, seen from the host where it runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "hypervisor/page_mover.h"
#include "pages/moved_pages.h"
#include "relay/dirty_list_from_wire.h"
#include "relay/stream_to_wire.h"
#include "session/peer.h"
#include "session/session.h"
#include "status/status.h"
#include "wire/link.h"

namespace xl_colo {

// Runs on the thread that calls run(). Borrows everything for as long as it
// lives; the link must not have been started.
class Primary : public SessionControl,
                private SaveCallbacks,
                private FrameReceiver {
public:
    Primary(Domain& domain, PageMover& mover, Link& link, StatusBoard& board,
            Log& log, SessionOptions options);

    // From the initial copy to the end of protection. The guest runs here
    // afterwards, unless the state says held or ended.
    SessionEnd run();

    // Whether the guest has been suspended at all: xl's daemon is gone then.
    bool has_suspended() const { return has_suspended_; }

    void request_stop(const std::string& reason) override;
    void request_failover() override;
    void domains_changed() override;

private:
    // libxc's callbacks, in its order.
    bool device_model_log_dirty(bool on) override;
    bool suspend() override;
    bool checkpoint() override;
    bool postcopy() override;
    bool wait_checkpoint() override;

    // The link's thread.
    Status on_frame(Frame frame) override;
    void on_lost(Error why) override;

    Status take_dirty_set(View body);
    Status take_dirty_digests(View body);
    std::optional<PageSet> wait_moved();
    void end_stream();

    bool fail(Error why);
    Status begin_copy();
    Status find_moved();
    Status check_initial_copy();
    Status tell_limits();
    Status verify();
    void record_checkpoint();
    bool begin_next();
    Error cause_of_end(const Status& saved);
    SessionEnd finish(const Error& cause);
    SessionEnd go_on_alone(const Error& cause);
    SessionEnd yield();
    void part(const std::string& why);
    void warn_of_copy();
    Status resume_guest();

    Domain& domain_;
    PageMover& mover_;
    Link& link_;
    StatusBoard& board_;
    Log& log_;
    SessionOptions options_;

    EventQueue queue_;
    Peer peer_;
    DigestKeys keys_;
    StreamToWire stream_;
    DirtyListFromWire dirty_list_;

    // The checkpoint under way, or the last one.
    CheckpointNumber number_;
    bool suspended_ = false;        // the guest, by us
    bool has_suspended_ = false;
    bool copy_complete_ = false;    // the peer may have a state to go on with
    bool copying_ = true;
    std::atomic<bool> ending_{false};        // libxc reads no more lists
    std::atomic<uint64_t> list_wanted_{0};  // the checkpoint whose B is due
    uint64_t digests_wanted_ = 0;   // of that one's pages: the link's thread
    std::optional<Error> failure_;  // of a callback

    // Pages that came or went since the last checkpoint: the link's thread
    // hands them to libxc, with B.
    MovementTeller movement_;
    std::mutex moved_mutex_;
    std::condition_variable moved_changed_;
    std::optional<PageSet> moved_;
    MemoryLimits limits_;           // the copy's
    bool limits_set_ = false;       // anew, since the last checkpoint

    // Figures of the checkpoint under way.
    EventQueue::Clock::time_point suspended_at_, stood_at_, may_run_at_,
        resumed_at_;
    Suspension suspension_;
    std::optional<Pages> a_;
    std::atomic<uint64_t> b_{0};
    SentPages sent_pages_;
    Bytes sent_before_, received_before_;
};

}  // namespace xl_colo
