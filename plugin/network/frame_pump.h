// The thread that moves the frames of one interface between what it reads from
// a gate's taps and what it writes back: what the guest sends passes, waits in
// a queue until that lets it out, or is dropped; what is for the guest passes,
// or waits in the tap.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/unique_fd.h"
#include "network/output_queue.h"
#include "network/tap.h"

namespace xl_colo {

class FramePump {
public:
    enum class Output { passes, waits, is_dropped };

    // How much of the guest's output may wait.
    struct Bounds {
        Bytes bytes;
        uint64_t frames;

        bool are_reached_by(const OutputQueue::Figures& now) const
        {
            return now.bytes >= bytes.value() || now.frames >= frames;
        }
    };

    // By its own thread, which must not be waited for in these.
    struct Listener {
        // The queue wishes for a checkpoint, and says why; once from one mark
        // to the next.
        std::function<void(const std::string& why)> output_waits;
        // As much waits as may; what else comes is taken in all the same, up to
        // as much again. Beyond that the tap fills, and the kernel drops.
        std::function<void()> is_full;
        // A frame that the guest gets just now. May be empty. Also by who
        // releases, while it does.
        std::function<void(TapFrame)> input;
    };

    // Borrows the taps, which are for nobody else from here on. `make_queue`:
    // for the output, with where it goes out. Throws std::system_error where
    // there is no thread or descriptor for it.
    FramePump(Tap& from_guest, Tap& to_guest, Output output, Bounds bounds,
              const OutputQueue::Maker& make_queue, Listener listener,
              Log& log);
    // No frame moves after that.
    ~FramePump();
    FramePump(const FramePump&) = delete;
    FramePump& operator=(const FramePump&) = delete;

    // These take effect before they return. Any thread.
    void set_output(Output output);
    void set_input(bool passes);
    // All that the guest has sent, and that has come this far, belongs to
    // `number`. It must stand, so that no more comes that does.
    void mark(CheckpointNumber number);
    // What belongs to `number` goes out.
    void release(CheckpointNumber number);
    // Everything does, and from here on what comes passes, both ways.
    void open();
    // A frame of ours, as if the guest had sent it.
    Status send(View ethernet);
    // Has something done with the queue that it made, while nobody else does;
    // what that lets out goes out.
    void use_queue(const std::function<void()>& use);

    struct Figures {
        OutputQueue::Figures held;
        uint64_t passed = 0;      // frames that did not wait
        uint64_t not_written = 0; // that should have gone out
    };
    Figures figures() const;
    OutputQueue::Waits waits() const;
    // Error: it lets nothing through any more, because somebody has taken a tap
    // away.
    Status health() const;

private:
    void run();
    int patience() const;
    bool has_room() const;
    bool take_output(size_t limit);
    std::optional<std::string> new_wish();
    bool becomes_full();
    void take_input();
    void fail(const Error& why);
    void write_output(TapFrame frame);
    void wake();

    Log& log_;
    const Listener listener_;
    const Bounds bounds_;
    UniqueFd wake_;

    mutable std::mutex mutex_;
    Tap& from_guest_;
    Tap& to_guest_;
    std::unique_ptr<OutputQueue> queue_;
    Output output_;
    bool input_passes_ = true;
    bool asked_ = false;     // since the last mark
    bool told_full_ = false;
    std::optional<Error> failure_;  // a tap is gone
    bool stopping_ = false;
    uint64_t passed_ = 0, not_written_ = 0;

    std::thread thread_;  // last: it uses all the others
};

}  // namespace xl_colo
