#include "compare/courier.h"

#include <utility>

#include "wire/frame.h"

namespace xl_colo {

namespace {

// What waits goes together, so far.
constexpr size_t parcel_size = 128 << 10;
static_assert(parcel_size + 2 * tap_frame_max < device_words_max);

}  // namespace

Courier::Courier(DeviceChannel& channel, size_t place, Bytes most)
    : channel_(channel), place_(place), most_(most.value())
{
    thread_ = std::thread([this] { run(); });
}

Courier::~Courier()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool Courier::put(CheckpointNumber number, const CardMessage& message)
{
    {
        const std::lock_guard lock(mutex_);
        if (lost_ || bytes_ >= most_) {
            ++dropped_;
            return false;
        }
        if (parcels_.empty() || parcels_.back().number != number ||
            parcels_.back().words.size() >= parcel_size) {
            parcels_.push_back({number, {}});
        }
        Buffer& words = parcels_.back().words;
        const size_t before = words.size();
        append_message(words, number, message);
        bytes_ += words.size() - before;
    }
    changed_.notify_all();
    return true;
}

void Courier::flush()
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [this] { return (parcels_.empty() && !sending_) || lost_; });
}

uint64_t Courier::dropped() const
{
    const std::lock_guard lock(mutex_);
    return dropped_;
}

void Courier::run()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !parcels_.empty(); });
        if (stopping_) {
            return;
        }
        const Parcel parcel = std::move(parcels_.front());
        parcels_.pop_front();
        bytes_ -= parcel.words.size();
        sending_ = true;
        lock.unlock();
        const Status sent = channel_.tell(place_, parcel.words);
        lock.lock();
        sending_ = false;
        if (!sent) {
            // The session's thread hears of that by its own frames.
            lost_ = true;
            parcels_.clear();
            bytes_ = 0;
        }
        changed_.notify_all();
    }
}

}  // namespace xl_colo
