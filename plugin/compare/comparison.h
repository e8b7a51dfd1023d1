// Whether a guest and its copy put out the same. It is given the frames of
// both; those of the primary's guest that the copy's confirm it gives out at
// once, and it keeps the others until the checkpoint that contains them is
// committed.
//
// The one rule: a frame goes out before its checkpoint only if the copy has put
// out the same bytes of that flow. What counts as the same is said in
// packet.h (what of a frame), tcp_stream.h (TCP), packet_flow.h (all else) and
// link_upkeep.h (what is not compared). Whatever is beyond a bound is not
// confirmed.
//
// The caller says what time it is, applies --compare-timeout to
// waiting_since(), and takes a checkpoint when there is a difference().
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>

#include "base/units.h"
#include "compare/lane.h"
#include "compare/packet.h"
#include "compare/packet_flow.h"
#include "compare/sequence_mapping.h"
#include "compare/tcp_flow.h"
#include "network/tap_frame.h"

namespace xl_colo {

enum class Protocol { tcp, udp, icmp, sctp, other };
constexpr size_t protocols = 5;
const char* to_string(Protocol protocol);

struct Difference {
    Protocol protocol;
    const char* why;  // some words
};

// For one thread at a time.
class Comparison {
public:
    using Time = std::chrono::steady_clock::time_point;

    struct Bounds {
        // Of both kinds; one that is closed counts until the checkpoint.
        uint64_t flows = 65536;
        // Kept of the copy's output: in all, of one flow, and of what one has
        // had confirmed, for when it is sent again.
        size_t bytes = 64 << 20;
        size_t flow_bytes = 8 << 20;
        size_t history_bytes = 256 << 10;
    };
    enum class Left { confirmed, committed };
    struct Listener {
        // The frame is to go out now. It lives until this returns.
        std::function<void(TapFrame)> out;
        // For the copy's host, before anything goes out that has the peer
        // answer: a connection whose numbers differ. See sequence_map.h.
        std::function<void(const SequenceMapping&)> mapped;
        // One that had to wait, since then, goes out with the next call of
        // `out`. May be empty.
        std::function<void(Left, Time since)> had_waited = {};
    };

    // `hash_key`: nobody outside may know it.
    Comparison(Bounds bounds, View hash_key, Listener listener);
    Comparison(const Comparison&) = delete;
    Comparison& operator=(const Comparison&) = delete;

    // As the guest and its copy have put them out, in their order.
    void from_primary(TapFrame frame, Time now);
    void from_copy(TapFrame frame);
    // In place of from_primary(), where there is nothing to compare with: it
    // waits for its checkpoint, whatever the copy puts out.
    void hold(TapFrame frame, Time now);

    // The guest stands: what waits belongs to checkpoint `number`, as far as it
    // belongs to none before. From here on both start from the same state, so
    // that what was put out before says nothing any more. The copy's frames of
    // before must have been given already, or never are. Numbers ascend.
    void mark(CheckpointNumber number);
    // These give out, in order, what belongs to `number` or one before, but no
    // more than `limit` frames; all. How many frames.
    uint64_t release(CheckpointNumber number, uint64_t limit = UINT64_MAX);
    uint64_t release_all();
    // Nobody gets what waits.
    uint64_t drop_all();

    // The first since the last mark.
    const std::optional<Difference>& difference() const { return difference_; }
    // Since when the oldest frame waits that belongs to no checkpoint yet.
    std::optional<Time> waiting_since() const;

    struct Figures {
        uint64_t frames = 0, bytes = 0;  // that wait now
        uint64_t confirmed_frames = 0, confirmed_bytes = 0;
        uint64_t committed_frames = 0, committed_bytes = 0;
        uint64_t not_compared = 0;  // of the primary's guest
        std::array<uint64_t, protocols> differences{};
        uint64_t flows = 0;         // since the last mark
        size_t copy_bytes = 0;      // kept of the copy's output
    };
    Figures figures() const;

private:
    template <typename Flow>
    using Table = std::unordered_map<FlowKey, Flow, FlowHash>;
    struct Epoch {
        CheckpointNumber number;
        std::list<WaitingFrame> frames;
    };

    template <typename Flow>
    Flow* flow_of(Table<Flow>& table, const FlowKey& key);
    template <typename Judge>
    void take(Lane& lane, TapFrame frame, Time now, WaitingFrame& waiting,
              const Judge& judge);
    template <typename Judge>
    void settle(Lane& lane, const Judge& judge);
    Answer judge_tcp(TcpConnection& connection, const FlowKey& key,
                     const TcpSegment& segment, size_t& matched);
    void keep(Lane* lane, TapFrame frame, Time now, WaitingFrame& waiting);
    void differ(Lane* lane, const FlowKey& key, const char* why);
    void tell_wait(Left how, const WaitingFrame& frame) const;
    void confirm(TapFrame frame);
    size_t room(size_t used_by_flow);
    void forget_history();
    uint64_t give_out(std::list<WaitingFrame>& frames, uint64_t limit);

    const Bounds bounds_;
    const Listener listener_;
    Table<TcpFlow> tcp_;
    Table<PacketFlow> packets_;
    size_t kept_bytes_ = 0;
    size_t put_since_forgotten_ = 0;
    std::list<WaitingFrame> waiting_;  // of no checkpoint yet
    std::deque<Epoch> epochs_;
    std::optional<Difference> difference_;
    Figures figures_;
};

}  // namespace xl_colo
