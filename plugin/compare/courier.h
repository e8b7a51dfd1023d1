// Takes what a card has to say to the other host there, by a thread of its own:
// who puts something in moves frames, and must not wait for the wire.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "compare/card_message.h"
#include "devices/device_channel.h"

namespace xl_colo {

class Courier {
public:
    // `channel` outlives it. `most`: bytes that may wait. Throws
    // std::system_error where there is no thread for it.
    Courier(DeviceChannel& channel, size_t place, Bytes most);
    // What has not gone is dropped. Waits for a send under way, which the
    // link's end ends.
    ~Courier();
    Courier(const Courier&) = delete;
    Courier& operator=(const Courier&) = delete;

    // Any thread. False: too much waits, and this is dropped.
    bool put(CheckpointNumber number, const CardMessage& message);
    // Waits until all that was put has gone, or the other host is lost.
    void flush();

    uint64_t dropped() const;

private:
    void run();

    DeviceChannel& channel_;
    const size_t place_;
    const size_t most_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    struct Parcel {
        CheckpointNumber number;
        Buffer words;
    };
    std::deque<Parcel> parcels_;
    size_t bytes_ = 0;      // in these
    bool sending_ = false;  // one that is in them no more
    bool lost_ = false, stopping_ = false;
    uint64_t dropped_ = 0;

    std::thread thread_;  // last: it uses all the others
};

}  // namespace xl_colo
