#include "compare/tcp_flow.h"

#include <algorithm>
#include <iterator>

#include "base/bytes.h"

namespace xl_colo {

void TcpConnection::Side::begin(const TcpSegment& segment)
{
    if (begun) {
        return;
    }
    begun = true;
    if (segment.has(tcp_syn)) {
        first = segment.sequence;
        if (const auto at = timestamps_at(segment.options)) {
            timestamp = load_big<uint32_t>(&segment.options[*at]);
        }
    }
}

TcpStream::Put TcpConnection::put(const TcpSegment& segment, size_t room)
{
    copy_.begin(segment);
    return stream_.put(segment, room);
}

// A connection of before the checkpoint has the same numbers on both sides. If
// just one of them has begun with a SYN, they are not in the same one.
std::optional<uint32_t> TcpConnection::offset() const
{
    if (primary_.first && copy_.first) {
        return *primary_.first - *copy_.first;
    }
    if (primary_.first || copy_.first) {
        return std::nullopt;
    }
    return 0;
}

Answer TcpConnection::covers(const TcpSegment& segment, size_t& matched) const
{
    const auto by = offset();
    return by ? stream_.covers(segment, *by, matched)
              : Answer{Verdict::unknown};
}

void TcpConnection::pass(const TcpSegment& segment, size_t history)
{
    stream_.pass(segment.payload_end() - offset().value_or(0), history);
}

std::optional<SequenceMapping> TcpConnection::take_mapping(const FlowKey& key)
{
    if (mapping_taken_ || !primary_.first || !copy_.first) {
        return std::nullopt;
    }
    mapping_taken_ = true;
    const SequenceMapping mapping{
        key, *copy_.first, *primary_.first - *copy_.first,
        primary_.timestamp && copy_.timestamp
            ? *primary_.timestamp - *copy_.timestamp
            : 0};
    if (mapping.sequence == 0 && mapping.timestamp == 0) {
        return std::nullopt;
    }
    return mapping;
}

TcpConnection* TcpFlow::next(size_t& at)
{
    const size_t behind = std::min(primary_at_, copy_at_);
    if (at + 1 - behind > ahead_max) {
        return nullptr;
    }
    if (++at == connections_.size()) {
        connections_.emplace_back();
    }
    return &*std::next(connections_.begin(), static_cast<ptrdiff_t>(at));
}

// Those that both have left, and of which nothing waits.
void TcpFlow::drop_old()
{
    while (primary_at_ > 0 && copy_at_ > 0 &&
           !connections_.front().lane.first) {
        dropped_bytes_ += connections_.front().bytes();
        connections_.pop_front();
        --primary_at_;
        --copy_at_;
    }
}

TcpConnection* TcpFlow::of_primary(const TcpSegment& segment)
{
    TcpConnection* in = &*std::next(connections_.begin(),
                                    static_cast<ptrdiff_t>(primary_at_));
    if (in->is_over_for_primary(segment)) {
        in = next(primary_at_);
        drop_old();
    }
    if (in) {
        in->begin_primary(segment);
    }
    return in;
}

TcpConnection* TcpFlow::of_copy(const TcpSegment& segment)
{
    TcpConnection* in = &*std::next(connections_.begin(),
                                    static_cast<ptrdiff_t>(copy_at_));
    if (in->is_over_for_copy(segment)) {
        in = next(copy_at_);
        drop_old();
    }
    return in;
}

size_t TcpFlow::bytes() const
{
    size_t all = 0;
    for (const TcpConnection& connection : connections_) {
        all += connection.bytes();
    }
    return all;
}

void TcpFlow::forget()
{
    for (TcpConnection& connection : connections_) {
        connection.forget();
    }
}

}  // namespace xl_colo
