// The connection between two sessions, with somebody on it who reads along:
// frame by frame, and at one frame of the test's choice does something to it.
#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "wire/frame.h"

namespace xl_colo {

enum class Direction { to_secondary, to_primary };

enum class WireFault {
    cut,        // the frame is lost, and both hosts read an end of file
    freeze,     // this frame and all after it are lost, both ways, in silence
    repeat,     // it arrives twice
    garble,     // it arrives with a type that does not exist
};

class FakeWire {
public:
    FakeWire();
    ~FakeWire();

    // The two sockets, for a Link each; once.
    UniqueFd take_primary_end() { return std::move(ends_[0]); }
    UniqueFd take_secondary_end() { return std::move(ends_[1]); }

    // Before the sessions start. The nth frame of that type, from 1.
    void fault(FrameType type, unsigned nth, WireFault what);
    // Just before the frame is passed on.
    void at(FrameType type, unsigned nth, std::function<void()> action);
    // The frame's body is replaced by what this returns.
    void rewrite(FrameType type, unsigned nth,
                 std::function<Buffer(Buffer)> change);

    // Others follow it at once, to the same side.
    void follow(FrameType type, unsigned nth, std::vector<Frame> others);

    // Now, from any thread: both hosts read an end of file.
    void cut();

    // How often a frame of that type came along, passed on or not. Heartbeats
    // are not counted.
    unsigned count(FrameType type) const;
    std::map<FrameType, unsigned> all() const;

private:
    struct Plan {
        std::optional<WireFault> fault;
        std::function<void()> action;
        std::function<Buffer(Buffer)> change;
        std::vector<Frame> others;
    };

    void pump(size_t from, size_t to);
    bool pass(int to, Frame frame);

    std::array<UniqueFd, 2> ends_;   // the sessions'
    std::array<UniqueFd, 2> inner_;  // ours
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::pair<FrameType, unsigned>, Plan> plans_;
    std::map<FrameType, unsigned> counts_;
    bool frozen_ = false;
    bool ending_ = false;
    std::array<std::thread, 2> pumps_;  // last: they use all the others
};

}  // namespace xl_colo
