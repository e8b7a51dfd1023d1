// The connection to the peer: whole frames both ways, heartbeats, and the
// decision that the peer is lost.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "wire/frame.h"
#include "wire/frame_check.h"
#include "wire/send_turn.h"

namespace xl_colo {

// Where frames go. Any thread; a frame is sent whole.
class FrameSender {
public:
    virtual ~FrameSender() = default;
    // The body is the pieces one after another. Error peer_lost; timeout, of a
    // peer that is heard and takes no data.
    virtual Status send(FrameType type, std::initializer_list<View> body) = 0;
    Status send(FrameType type) { return send(type, {}); }
};

// Where frames come from: called by the link's thread, one at a time, never
// for a HEARTBEAT. While it blocks, the wire is not read, and the peer's
// silence does not count.
class FrameReceiver {
public:
    virtual ~FrameReceiver() = default;
    // An error ends the link; it is reported through on_lost.
    virtual Status on_frame(Frame frame) = 0;
    // Once, as the last call: the peer is lost, or sent nonsense.
    virtual void on_lost(Error why) = 0;
};

// Owns both descriptors (which may be the same socket twice, duplicated).
class Link : public FrameSender {
public:
    Link(UniqueFd in, UniqueFd out, std::chrono::milliseconds timeout);
    // Ends the threads; what was not sent is lost.
    ~Link() override;

    // One frame, before start(): for the handshake. HEARTBEAT is skipped.
    Result<Frame> receive();
    // The OFFER brings the timeout to the secondary. Before start().
    void set_timeout(std::chrono::milliseconds timeout) { timeout_ = timeout; }
    // From now on each frame has its check, both ways, and one that comes must
    // bear it out, or ends the link with error protocol. Between two frames,
    // before start().
    void check_frames(const FrameCheck& sent, const FrameCheck& received);
    // How long a peer that is heard may take nothing of what is being sent.
    // Without a limit, which is how it begins, it may for ever. Any thread.
    void set_stall_limit(std::chrono::milliseconds limit)
    {
        stall_limit_ = limit;
    }
    // From now on frames go to `receiver`, which must outlive the link's
    // threads: call close() first.
    void start(FrameReceiver& receiver);
    // In order, where close() is at once: the peer reads all that was sent and
    // then an end, and is given a moment to close its own side. Closing at once
    // may tear down a transport that still has a STOP in its buffers.
    void finish();
    // Both threads end, sending fails with peer_lost. Any thread but the
    // receiver's; on_lost is not called for it.
    void close();

    // Whatever waits for the peer fails at once with an error aborted, and so
    // does all that comes after. Any thread; the link stays to be closed.
    void interrupt();

    // Takes back the body of a large frame, for the next one. By the receiver,
    // in on_frame().
    void recycle(Buffer body)
    {
        if (body.capacity() > spare_.capacity()) {
            spare_ = std::move(body);
        }
    }

    // STOP and BYE wait for their turn and for the peer to take them no longer
    // than the timeout: nobody's guest is to wait for a last word.
    using FrameSender::send;
    Status send(FrameType type, std::initializer_list<View> body) override;

    // Whether this process stood still for longer than the timeout, now or a
    // short while ago (SIGSTOP, a host that was frozen): then the peer has lost
    // us, rather than we it. Once the link has ended it says what was so then,
    // however long it takes until somebody asks. Any thread, as long as the
    // link is open.
    bool was_stopped() const;

    // Bytes on the wire so far, with headers and padding.
    Bytes sent() const { return Bytes{sent_.load()}; }
    Bytes received() const { return Bytes{received_.load()}; }

private:
    using Clock = std::chrono::steady_clock;

    Status read_exactly(uint8_t* to, size_t size);
    Status verify(FrameHeader header, const Buffer& body);
    Status write_all(FrameType type, std::vector<iovec>& pieces,
                     Clock::time_point deadline);
    void read_loop(FrameReceiver& receiver);
    void heartbeat_loop();
    bool end_sending(Clock::time_point deadline);

    UniqueFd in_;
    UniqueFd out_;
    UniqueFd interrupt_;  // an eventfd: readable once the link is to end
    UniqueFd read_out_;   // the same: once the reader has ended
    std::chrono::milliseconds timeout_;
    // At first, for ever; a time that can be added to another.
    std::atomic<std::chrono::milliseconds> stall_limit_{
        std::chrono::hours(24 * 365)};
    Buffer spare_;        // the reader's thread only
    std::optional<FrameCheck> sent_check_, received_check_;
    uint64_t frames_received_ = 0;  // with a check; the reader's thread
    SendTurn turn_;                 // for out_ and these:
    uint64_t frames_sent_ = 0;      // with a check
    bool cut_short_ = false;        // a frame has been: nothing may follow
    std::atomic<uint64_t> sent_{0};
    std::atomic<uint64_t> received_{0};
    std::atomic<bool> closing_{false};
    // When heart_ began its last wait, never as long as it is sending; and when
    // it last found that this had taken too long.
    std::atomic<Clock::time_point> waiting_since_{Clock::time_point::max()};
    std::atomic<Clock::time_point> stood_until_{Clock::time_point::min()};
    std::atomic<bool> stopped_when_lost_{false};
    std::atomic<bool> deaf_{false};  // the reader has ended
    std::thread reader_;
    std::thread heart_;
};

}  // namespace xl_colo
