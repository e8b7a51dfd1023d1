// The TCP connections between two addresses and ports, one after another: each
// SYN with another number begins the next. The guest and its copy may be at
// different ones.
#pragma once

#include <list>
#include <optional>
#include <utility>

#include "compare/lane.h"
#include "compare/sequence_mapping.h"
#include "compare/tcp_stream.h"

namespace xl_colo {

class TcpConnection {
public:
    // Whether this one's next segment belongs to another connection.
    bool is_over_for_primary(const TcpSegment& segment) const
    {
        return primary_.is_over(segment);
    }
    bool is_over_for_copy(const TcpSegment& segment) const
    {
        return copy_.is_over(segment);
    }
    void begin_primary(const TcpSegment& segment) { primary_.begin(segment); }
    TcpStream::Put put(const TcpSegment& of_copy, size_t room);

    Answer covers(const TcpSegment& of_primary, size_t& matched) const;
    // It was the same, and has gone.
    void pass(const TcpSegment& of_primary, size_t history);

    // Once, when both sides' first numbers are known and they differ.
    std::optional<SequenceMapping> take_mapping(const FlowKey& key);

    size_t bytes() const { return stream_.bytes(); }
    void forget() { stream_.forget(0); }
    Lane lane;

private:
    struct Side {
        bool begun = false;
        std::optional<uint32_t> first;  // of its SYN, if that began it
        std::optional<uint32_t> timestamp;

        bool is_over(const TcpSegment& segment) const
        {
            return segment.has(tcp_syn) && begun && first != segment.sequence;
        }
        void begin(const TcpSegment& segment);
    };

    std::optional<uint32_t> offset() const;

    TcpStream stream_;
    Side primary_, copy_;
    bool mapping_taken_ = false;
};

class TcpFlow {
public:
    // Where the segment belongs to, which is made if need be. Null: one of them
    // is too many connections ahead of the other.
    TcpConnection* of_primary(const TcpSegment& segment);
    TcpConnection* of_copy(const TcpSegment& segment);

    size_t bytes() const;
    void forget();
    // bytes() of the connections that were dropped since the last call.
    size_t take_dropped_bytes() { return std::exchange(dropped_bytes_, 0); }

private:
    static constexpr size_t ahead_max = 8;

    TcpConnection* next(size_t& at);
    void drop_old();

    // Never moved: frames wait in it.
    std::list<TcpConnection> connections_ = std::list<TcpConnection>(1);
    size_t primary_at_ = 0, copy_at_ = 0;
    size_t dropped_bytes_ = 0;
};

}  // namespace xl_colo
