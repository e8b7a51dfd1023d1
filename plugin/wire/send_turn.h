// Whose frame goes onto the wire: one sender's at a time, first come, first
// served, so that many large frames do not keep a small one waiting.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

namespace xl_colo {

// Any thread. Neither copied nor moved.
class SendTurn {
public:
    using Clock = std::chrono::steady_clock;

    // Waits for it. False when the deadline passes first, or after end();
    // otherwise the caller has it until give_back().
    bool take(std::optional<Clock::time_point> deadline = std::nullopt);
    void give_back();

    // Nobody gets it any more. Whoever has it keeps it.
    void end();
    // After end(): until nobody has it.
    void wait_until_free();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<uint64_t> line_;  // the first of which has it
    uint64_t next_ = 0;
    bool ended_ = false;
};

}  // namespace xl_colo
