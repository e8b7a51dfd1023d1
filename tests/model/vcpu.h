// A guest's processor: a thread that carries out the guest's program. All that
// the program knows is in registers and memory, so whoever has both can go on
// with it, on another host too.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "dirty_log.h"
#include "image.h"

namespace xl_colo::model {

// What a program sees of its machine. Every write is logged, as the hardware's
// page tables see to it under Xen.
class Bus {
public:
    Bus(Image& image, DirtyLog& log, uint64_t host)
        : image_(image), log_(log), host_(host)
    {
    }

    bool has(Pfn pfn) const { return image_.has(pfn); }
    uint64_t load(Pfn pfn, size_t word) const;
    void store(Pfn pfn, size_t word, uint64_t value);
    // From the page's beginning.
    void store(Pfn pfn, View bytes);
    // Like the time-stamp counter: never twice the same, and another one on
    // every host. What makes two copies of a guest drift apart.
    uint64_t time_stamp() { return ++reads_ << 8 | host_; }

private:
    Image& image_;
    DirtyLog& log_;
    const uint64_t host_;
    uint64_t reads_ = 0;
};

enum class Then {
    go_on,
    rest,  // for a moment, as in a loop that waits
    halt,  // until the next tick
};

class Program {
public:
    virtual ~Program() = default;
    // A few instructions.
    virtual Then step(Registers& registers, Bus& bus) const = 0;
    // The timer's interrupt, which comes when the guest begins to run.
    virtual void tick(Registers& registers) const { (void)registers; }
};

class Vcpu {
public:
    // Stopped. Borrows registers, bus and program.
    Vcpu(Registers& registers, Bus bus, const Program& program);
    ~Vcpu();

    // Returns when the processor is between two steps, where it stays until
    // start(). Calls nest. Any thread.
    void stop();
    void start();
    void tick();
    // Until there is nothing to do for it, or for as long as that.
    bool wait_idle(std::chrono::milliseconds patience);
    // Of the thread, so far.
    std::chrono::nanoseconds cpu_time();

private:
    void run();

    Registers& registers_;
    Bus bus_;
    const Program& program_;
    // Ahead of the mutex: or a busy processor would take it again and again.
    std::atomic<int> stops_{1};
    std::mutex mutex_;  // held during each step
    std::condition_variable changed_;
    bool idle_ = true;
    bool quit_ = false;
    std::thread thread_;  // last: it uses all the others
};

// No step of any processor falls into the life of one of these.
class Standstill {
public:
    explicit Standstill(const std::vector<std::unique_ptr<Vcpu>>& vcpus);
    ~Standstill();
    Standstill(const Standstill&) = delete;
    Standstill& operator=(const Standstill&) = delete;

private:
    const std::vector<std::unique_ptr<Vcpu>>& vcpus_;
};

}  // namespace xl_colo::model
