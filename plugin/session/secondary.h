// One protected domain, seen from the host that would take over.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "fencing/fence.h"
#include "hypervisor/host.h"
#include "pages/page_digester.h"
#include "relay/dirty_list_to_wire.h"
#include "relay/stream_from_wire.h"
#include "session/copy.h"
#include "session/pause.h"
#include "session/peer.h"
#include "session/session.h"
#include "session/takeover.h"
#include "session/turn.h"
#include "status/status.h"
#include "wire/frame_router.h"
#include "wire/link.h"

namespace xl_colo {

// Runs on the thread that calls run(). Borrows everything for as long as it
// lives; the link must not have been started.
class Secondary : public SessionControl,
                  private RestoreCallbacks,
                  private FrameReceiver {
public:
    // `name`: what the copy is called until it takes over. `fence` and
    // `witness`: null where there is none.
    Secondary(Host& host, Link& link, StatusBoard& board, Log& log,
              SessionOptions options, std::string name, Fence* fence,
              Witness* witness = nullptr);
    ~Secondary() override;

    // From ACCEPT to the end. The guest runs here afterwards if the state
    // says taken_over; otherwise nothing is left of it, or the status warns.
    SessionEnd run();

    // The copy's domain. After an end other than taken_over there is none, or
    // one that could not be destroyed.
    Domain* domain() { return copy_.domain(); }

    void request_stop(const std::string& reason) override;
    void request_failover() override;
    void domains_changed() override;

private:
    // libxc's callbacks, in its order.
    RestoreAnswer checkpoint() override;
    void restore_results(Pfn store, Pfn console) override;
    RestoreAnswer postcopy() override;
    RestoreAnswer wait_checkpoint() override;
    RestoreAnswer suspend() override;

    // The link's thread.
    Status on_frame(Frame frame) override;
    void on_lost(Error why) override;
    void route_frames();

    SessionEnd receive();
    RestoreAnswer leave(Error why);
    Status finish_building();
    Status make_devices();
    Status make_ready();
    Result<std::vector<PageDigest>> digest_dirty(
        const std::vector<Pfn>& pages);
    Result<bool> settle_with_primary();
    void show_output(bool copy_runs);
    void end_stream();
    Status keep_devices(const Frame& frame);
    Error cause_of_end(const Status& restored);

    Host& host_;
    Link& link_;
    StatusBoard& board_;
    Log& log_;
    SessionOptions options_;
    DigestKeys keys_;

    EventQueue queue_;
    Peer peer_;
    FrameRouter router_;
    StreamFromWire stream_;
    DeviceChannel channel_;
    Copy copy_;
    Turn turn_;
    // The copy's, for check_kept(), and for dirty_list_'s thread.
    std::unique_ptr<GuestMemory> memory_, digested_memory_;
    std::optional<PageDigester> digester_;  // for that thread, too
    DirtyListToWire dirty_list_;
    Takeover takeover_;

    CheckpointNumber number_;  // under way, or the last one
    std::optional<bool> copy_runs_;     // from the last one on
    CheckpointNumber copy_runs_since_;  // or stands
    std::chrono::steady_clock::time_point suspending_, committed_;
    CopyPause pause_;  // of that checkpoint, as far as it is known
    Buffer device_state_;
    std::atomic<bool> ending_{false};  // records are no longer wanted
    std::optional<Error> failure_;     // of a callback
    std::mutex not_kept_mutex_;
    std::optional<Error> not_kept_;    // of the link's thread, by a device
};

}  // namespace xl_colo
