// One protected domain, seen from the host where it runs.
#pragma once

#include <optional>
#include <string>

#include "hypervisor/page_mover.h"
#include "relay/back_channel.h"
#include "relay/stream_to_wire.h"
#include "session/device_guard.h"
#include "session/guest_movement.h"
#include "session/output_choice.h"
#include "session/own_guest.h"
#include "session/pause.h"
#include "session/peer.h"
#include "session/primary_end.h"
#include "session/session.h"
#include "status/status.h"
#include "wire/frame_router.h"
#include "wire/link.h"

namespace xl_colo {

// Runs on the thread that calls run(). Borrows everything for as long as it
// lives; the link must not have been started.
class Primary : public SessionControl,
                private SaveCallbacks,
                private FrameReceiver {
public:
    // `witness`: null where there is none.
    Primary(Domain& domain, PageMover& mover, Link& link, StatusBoard& board,
            Log& log, SessionOptions options, Witness* witness = nullptr);

    // From the initial copy to the end of protection. The guest runs here
    // afterwards, unless the state says held or ended.
    SessionEnd run();

    // Whether the guest has been suspended at all: xl's daemon is gone then.
    bool has_suspended() const
    {
        return guest_.stands() != OwnGuest::Stands::never_yet;
    }

    void request_stop(const std::string& reason) override;
    // Requests has told the admin already that this is the wrong host.
    void request_failover() override {}
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
    void route_frames();

    void end_stream();
    bool fail(Error why);
    bool fail_to_send(const Error& why);
    Status begin_copy();
    Status set_up_devices();
    Status merge();
    bool let_run();
    void choose_output();
    void measure_output();
    void show_output();
    Result<const PageSet*> copy_has();
    Status commit();
    Status tell_limits();
    Status verify();
    Status verify_disks();
    void record_checkpoint();
    EventQueue::Clock::time_point soonest() const;
    bool was_had(const Event& event) const;
    bool begin_next(std::string because);
    Error cause_of_end(const Status& saved);
    SessionEnd finish(const Error& cause);

    // How far the copy has come.
    enum class Progress {
        copying,     // it is no use yet
        sent,        // all of checkpoint 0 is on its way, or arrived
        protecting,  // it has run
    };

    Domain& domain_;
    PageMover& mover_;
    Link& link_;
    StatusBoard& board_;
    Log& log_;
    SessionOptions options_;
    Witness* witness_;
    DigestKeys keys_;

    EventQueue queue_;
    Peer peer_;
    FrameRouter router_;
    StreamToWire stream_;
    BackChannel back_channel_;
    DeviceChannel channel_;
    OwnGuest guest_;
    DeviceGuard same_devices_;
    GuestMovement movement_;

    Progress progress_ = Progress::copying;
    CheckpointNotes notes_;         // of the one under way, or the last
    Buffer device_state_;           // and what it has beside its pages
    std::optional<MemoryLimits> limits_;
    bool is_sent_ = false;          // all of it but these
    Growth sent_, received_;        // from one to the next
    // Output::automatic.
    OutputChoice choice_;
    bool copy_runs_ = false;        // from this checkpoint on, or the last
    CheckpointNumber copy_runs_since_;  // or stands
    std::string copy_runs_why_;         // as it was known then
    OutputChoice::Interval before_{};   // what ended with this one
    CheckpointNotes::TimePoint begun_before_;
    OutputFelt felt_;               // until the last commit
    std::optional<Error> failure_;  // of a callback: the first
};

}  // namespace xl_colo
