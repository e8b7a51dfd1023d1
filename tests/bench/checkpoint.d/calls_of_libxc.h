// Two functions of libxenctrl through which libxenguest reads and writes its
// streams, with ours in front of them: so the benchmark sees when libxc has
// read the dirty list, and when it is about to write it. The program defines
// them, and the loader finds its definition before the library's.
#pragma once

#include <functional>

namespace xl_colo::bench {

// While one lives: `has_read` after each read_exact(), `will_write` before each
// writev_exact(). A primary reads nothing but the dirty list, a secondary
// writes nothing else.
class CallsOfLibxc {
public:
    CallsOfLibxc(std::function<void()> has_read,
                 std::function<void()> will_write);
    ~CallsOfLibxc();
};

}  // namespace xl_colo::bench
