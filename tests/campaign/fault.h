// What may befall a session: one thing, when one frame passes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "status/status.h"

namespace xl_colo::campaign {

enum class FaultKind {
    cut,             // the connection ends before the frame
    cut_within,      // the same in the middle of it
    half_close,      // this direction ends before the frame, the other goes on
    freeze,          // this direction stands still for a while
    freeze_both,     // both do
    black_hole,      // nothing passes any more, and nobody is told
    kill_primary,    // SIGKILL
    kill_secondary,
    stop_primary,    // SIGSTOP for a while
    stop_secondary,
    flip_type,       // one bit of it changes
    flip_length,
    flip_body,       // not of an empty one
    flip_check,      // not of a frame that has none
    drop,
    twice,
};

const char* to_string(FaultKind kind);
std::optional<FaultKind> fault_named(const std::string& name);
const std::vector<FaultKind>& all_faults();

// How long the standstills are, in timeouts of the session.
constexpr double frozen_timeouts = 2.2;
constexpr double stopped_timeouts = 1.2;

// Who is killed or stopped.
std::optional<Role> killed_by(FaultKind kind);
std::optional<Role> stopped_by(FaultKind kind);
// The frame does not arrive as it was sent, and all others do.
bool changes_frame(FaultKind kind);

// A frame as it lies on the wire, in bytes.
struct Extent {
    size_t body;   // its length, by the header
    size_t check;  // 0 or 16, behind the padding
};

// Which bit of the frame flips, counted from its first byte; `choice` chooses.
// Nothing where there is no such bit, and for other kinds of faults.
std::optional<size_t> bit_to_flip(FaultKind kind, Extent extent,
                                  uint64_t choice);

}  // namespace xl_colo::campaign
