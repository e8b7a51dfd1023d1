// One pipe between libxc and a relay. libxc blocks on its end as it always
// does; ours never blocks for good, since any thread may abort it.
#pragma once

#include <chrono>
#include <initializer_list>
#include <mutex>
#include <span>

#include "base/descriptors.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace xl_colo {

// read() and write() are for one thread at a time, abort() for any. After it
// both fail with aborted, and our end is closed: libxc reads an end of file,
// or its write fails with EPIPE (SIGPIPE must be ignored).
class RelayPipe {
public:
    enum class Ours { reads, writes };

    // Throws std::system_error when there is no descriptor left.
    explicit RelayPipe(Ours ours);

    // libxc's end; once, by the owner.
    UniqueFd take_theirs();

    // Blocks for `size` bytes. Fewer only where the stream ended before them.
    Result<size_t> read(uint8_t* to, size_t size);
    // Whether read() would find something, waiting no longer than that.
    Result<bool> readable_within(std::chrono::milliseconds limit);
    // All pieces, one after another. Error io when libxc closed its end.
    Status write(std::span<const View> pieces);
    Status write(std::initializer_list<View> pieces)
    {
        return write(std::span(pieces.begin(), pieces.size()));
    }

    void abort();

private:
    Result<bool> wait(short events, Deadline deadline = std::nullopt);

    UniqueFd theirs_;
    UniqueFd aborted_;    // an eventfd: readable once abort() was called
    std::mutex mutex_;    // of ours_, held while it is used
    UniqueFd ours_;
};

}  // namespace xl_colo
