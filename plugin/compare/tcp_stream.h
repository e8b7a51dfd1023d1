// What the copy has put out on one TCP connection since the checkpoint: the
// bytes by their sequence numbers, where the stream begins and ends, what it
// resets, and how far it acknowledges. And whether a segment of the primary's
// guest says no more than that.
//
// How the bytes are cut into segments, and how often one is sent, does not
// matter; nor do windows, timestamps, SACK and ECN. An acknowledgement may be
// sent as far as the copy has sent one, too: what the peer is told has arrived,
// it never sends again, so the copy must have it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/units.h"
#include "compare/tcp_segment.h"

namespace xl_colo {

enum class Verdict {
    same,     // the copy has put out all of it
    unknown,  // not yet; nothing contradicts it
    differs,  // and cannot become the same any more
};

struct Answer {
    Verdict verdict;
    const char* why = "";  // with differs; some words
};

class TcpStream {
public:
    enum class Put {
        kept,
        contradicts,  // what it has put out before; use the stream no more
        no_room,      // something of it is not kept, and never the same
    };

    // At most `room` bytes more than bytes() now.
    Put put(const TcpSegment& of_copy, size_t room);

    // `offset`: the primary's sequence numbers less the copy's. `matched`: how
    // much of the payload is the same, from its start; from one question to the
    // next about a segment only what is behind that is looked at.
    Answer covers(const TcpSegment& of_primary, uint32_t offset,
                  size_t& matched) const;

    // What is before `sequence`, a number of the copy's, will be asked for only
    // when it is sent once more: `history` bytes of it are kept, or somewhat
    // more.
    void pass(uint32_t sequence, size_t history);
    // As pass(), where that was last.
    void forget(size_t history);

    // Kept of payload, and what it takes to keep it.
    size_t bytes() const { return bytes_; }

private:
    static constexpr size_t piece_max = 1 << 16;
    static constexpr size_t piece_overhead = 96;
    static constexpr size_t pieces_max = 256;
    static constexpr size_t marks_max = 16;

    struct Syn {
        uint32_t sequence;
        uint16_t flags;
        Buffer options;  // but for the timestamps' values
    };

    uint64_t unwrap(uint32_t sequence) const;
    Put put_payload(uint64_t at, View bytes, size_t room);
    Answer covers_payload(uint64_t at, View bytes, size_t& matched) const;

    // Numbers that do not wrap around: 2^33 and more, and in their lower half
    // those of TCP. The latest is what others are near to.
    uint64_t latest_ = 0;
    bool begun_ = false;
    // By where they begin; they do not overlap. Mostly one that grows.
    std::map<uint64_t, Buffer> pieces_;
    size_t bytes_ = 0;
    uint64_t end_ = 0;     // of the last byte
    uint64_t passed_ = 0;
    std::optional<Syn> syn_;
    std::optional<uint64_t> fin_;
    std::optional<uint32_t> acknowledged_;
    std::vector<uint64_t> resets_, urgent_;
};

}  // namespace xl_colo
