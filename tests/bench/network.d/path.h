// What is between a guest's interface and its bridge while it is measured: put
// there by make(), taken away by the destructor.
#pragma once

#include <time.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network.d/bed.h"

namespace xl_colo::bench {

// What is held is let go so often: what libxl's Remus, and QEMU's COLO, do at
// least.
constexpr std::chrono::milliseconds interval{50};

class Path {
public:
    virtual ~Path() = default;
    // Frames of the guest that it has taken in since it was made, where a
    // sender can run ahead of it: the queue in front of it is short.
    virtual std::optional<uint64_t> taken() { return std::nullopt; }
    // Of who has a hand in it: this process, and whoever else.
    virtual std::chrono::nanoseconds processor_time()
    {
        return time_of(CLOCK_PROCESS_CPUTIME_ID);
    }
    // What the reader of a figure has to know of it, or nothing.
    virtual std::string remark() { return ""; }

protected:
    static std::chrono::nanoseconds time_of(clockid_t clock)
    {
        timespec time{};
        (void)clock_gettime(clock, &time);
        return std::chrono::seconds(time.tv_sec) +
               std::chrono::nanoseconds(time.tv_nsec);
    }
};

struct PathKind {
    std::string name;
    // How many datagrams may be on their way, so that none is lost, and how
    // many bytes of a connection.
    uint64_t window;
    int connection_window;
    bool holds;
    // Throws Missing.
    std::function<std::unique_ptr<Path>(const Bed&)> make;
};

// Our taps: frames pass, wait for commits, or wait for the copy's.
PathKind taps_that_pass();
PathKind taps_that_commit();
PathKind taps_that_compare();
// What libxl's Remus uses.
PathKind plug_that_passes();
PathKind plug_that_holds();
// QEMU's filters between two taps; `qemu`: a program and its first arguments.
PathKind qemu_filter_buffer(const std::vector<std::string>& qemu);
PathKind qemu_colo_compare(const std::vector<std::string>& qemu);

}  // namespace xl_colo::bench
