// Guest and client talk, and a watch is held to it.
#pragma once

#include <chrono>

#include "network.d/bed.h"
#include "network.d/path.h"

namespace xl_colo::bench {

struct Rate {
    double frames = 0, bytes = 0;  // a second; bytes of frames, or of TCP's
                                   // stream
    double processor_us = 0;       // for each frame: of all who have a hand
                                   // in it, sender and receiver as well
    uint64_t lost = 0;
};

// Whether a datagram gets through, within some seconds; from then on both know
// where the other one is.
bool frames_pass(const Bed& bed);

// As many datagrams as come to the client, none of which is lost because it was
// sent too fast: no more than the kind's window are on their way.
// `size`: of the Ethernet frame, without its check sequence.
Rate datagram_rate(const Bed& bed, const PathKind& kind, Path& path,
                   size_t size);
// One TCP connection, written to as fast as it takes it: frames of up to
// 64 KiB, which no card has cut.
Rate stream_rate(const Bed& bed, const PathKind& kind, Path& path);

// From the guest to the client and back, the median, in microseconds: a frame
// and one of the same size; 64 KiB of a connection and one byte. Behind what
// holds, they begin at any moment between two commits. NaN: one was lost.
double datagram_round_trip(const Bed& bed, const PathKind& kind, size_t size);
double stream_round_trip(const Bed& bed, const PathKind& kind);

}  // namespace xl_colo::bench
