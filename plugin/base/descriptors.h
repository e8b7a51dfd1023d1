// Waiting for descriptors, and writing all there is to write: what poll(2) and
// write(2) leave to their callers.
#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// Nothing: for ever.
using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// poll(2), which no signal interrupts. How many of `fds` have something to say;
// 0 once the deadline has passed. Error io.
Result<int> poll_until(std::span<pollfd> fds, Deadline deadline = std::nullopt);

enum class Ready { yes, interrupted, timed_out };

// Until `fd` has one of `events`, or an error or end that its next use will
// tell; or until `interrupt` can be read, which comes first. Either may be -1,
// for none. Error io.
Result<Ready> wait_ready(int fd, short events, int interrupt,
                         Deadline deadline = std::nullopt);

// To a descriptor that blocks. Error io; how much went through is not known.
Status write_all(int fd, View bytes);

// To a socket, blocking or not. A peer that is gone is an error, no signal.
// Errors: io; timeout; aborted by `interrupt`.
Status send_all(int socket, View bytes, Deadline deadline = std::nullopt,
                int interrupt = -1);

// All but stdin, stdout and stderr: what this process was started with is not
// for it, and a lock on it, say, would be held as long as a guest is protected.
// Before anything of ours is open.
void close_inherited();

}  // namespace xl_colo
