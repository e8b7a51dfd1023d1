// A wire that keeps what is sent, and may get stuck or break.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "wire/link.h"

namespace xl_colo {

class FakeSender : public FrameSender {
public:
    using FrameSender::send;
    Status send(FrameType type, std::initializer_list<View> body) override;

    // All frames so far, once there are `count`. Fewer after give_up(), or
    // when that takes more than a minute.
    std::vector<Frame> wait_for(size_t count);
    std::vector<Frame> frames() { return wait_for(0); }
    // No more frames will come.
    void give_up();

    // From the frame after the next `after` on: send() fails, or blocks until
    // release().
    void break_after(size_t after);
    void block_after(size_t after);
    void wait_blocked();
    void release();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Frame> frames_;
    std::optional<size_t> breaks_at_, blocks_at_;
    bool blocked_ = false;
    bool given_up_ = false;
};

}  // namespace xl_colo
