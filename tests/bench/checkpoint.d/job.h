// What one checkpoint of the benchmark is about, and what was seen of it. All
// of this lies in memory that both processes share.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace xl_colo::bench {

struct Job {
    uint64_t dirty_pages = 0;       // on either host, the same ones
    uint64_t identical_percent = 0; // of them with the same contents on both
    uint64_t link_bits_per_s = 0;   // each way; 0: no limit
};

// What the pages are filled with.
enum class Contents { noise, text };

// The moments of a checkpoint, in the order in which they come on one side.
enum class Mark : size_t {
    // primary
    begin,          // libxc asks for the guest to be suspended
    suspended,      // that is done; with stock, on the other side, too
    list_received,  // libxc has read B
    pages_written,  // libxc has written D, and CHECKPOINT
    resumed,        // its guest runs
    // secondary
    list_built,     // libxc has B and is about to write it
    everything_here,// libxc has read CHECKPOINT
    agreed,         // the device state is here as well
    applied,        // libxc has put pages and vCPUs in
    load_begins,    // of the device state
    loaded,
    copy_resumed,   // it runs
    count_,
};
constexpr size_t marks = static_cast<size_t>(Mark::count_);

struct Sample {
    std::array<int64_t, marks> at_ns{};
    uint64_t wire_bytes = 0;        // to the secondary, TCP's payload
    uint64_t back_bytes = 0;
    uint64_t primary_cpu_ns = 0;    // of the process, its guest left out
    uint64_t secondary_cpu_ns = 0;
    uint64_t primary_bytes = 0;     // memory, its guest left out
    uint64_t secondary_bytes = 0;   // the same: anonymous memory
    uint64_t differing_pages = 0;   // after it; only when asked for

    int64_t between(Mark from, Mark to) const
    {
        return at_ns[static_cast<size_t>(to)] -
               at_ns[static_cast<size_t>(from)];
    }
};

// For the two guests: what to do when they run next. Its number is that of the
// checkpoint that comes after.
struct Task {
    std::atomic<uint64_t> number{0};
    std::atomic<uint64_t> dirty_pages{0};
    std::atomic<uint64_t> identical_percent{0};
};

}  // namespace xl_colo::bench
