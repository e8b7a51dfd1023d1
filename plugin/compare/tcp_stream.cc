#include "compare/tcp_stream.h"

#include <algorithm>
#include <cstring>

namespace xl_colo {

namespace {

constexpr uint16_t syn_flags =
    tcp_syn | tcp_ack | tcp_ece | tcp_cwr | tcp_ae;

// The values are clocks'.
Buffer without_timestamps(View options)
{
    Buffer plain(options.begin(), options.end());
    size_t at = 0;
    while (const auto option = next_option(options, at)) {
        if ((*option)[0] == tcp_option_timestamps) {
            const auto end = plain.begin() + static_cast<ptrdiff_t>(at);
            std::fill(end - static_cast<ptrdiff_t>(option->size()) + 2, end, 0);
        }
    }
    return plain;
}

bool has_mark(const std::vector<uint64_t>& marks, uint64_t at)
{
    return std::ranges::find(marks, at) != marks.end();
}

}  // namespace

uint64_t TcpStream::unwrap(uint32_t sequence) const
{
    return latest_ + static_cast<uint64_t>(int64_t{sequence_distance(
                         static_cast<uint32_t>(latest_), sequence)});
}

TcpStream::Put TcpStream::put(const TcpSegment& segment, size_t room)
{
    if (!begun_) {
        begun_ = true;
        latest_ = (uint64_t{1} << 33) + segment.sequence;
        passed_ = latest_;
    }
    if (segment.has(tcp_ack) &&
        (!acknowledged_ ||
         sequence_distance(*acknowledged_, segment.acknowledgement) > 0)) {
        acknowledged_ = segment.acknowledgement;
    }
    if (segment.has(tcp_syn)) {
        if (!syn_) {
            syn_ = Syn{segment.sequence,
                       static_cast<uint16_t>(segment.flags & syn_flags),
                       without_timestamps(segment.options)};
        } else if (syn_->sequence != segment.sequence) {
            return Put::contradicts;
        }
    }
    const uint64_t start = unwrap(segment.payload_sequence());
    const uint64_t end = start + segment.payload.size();
    latest_ = std::max(latest_, end);
    if (segment.has(tcp_urg) && !has_mark(urgent_, start + segment.urgent)) {
        if (urgent_.size() == marks_max) {
            return Put::no_room;
        }
        urgent_.push_back(start + segment.urgent);
    }
    if (const Put put = put_payload(start, segment.payload, room);
        put != Put::kept) {
        return put;
    }
    if (segment.has(tcp_fin)) {
        if (fin_ && *fin_ != end) {
            return Put::contradicts;
        }
        fin_ = end;
    }
    if (fin_ && end_ > *fin_) {
        return Put::contradicts;
    }
    const uint64_t reset = unwrap(segment.sequence);
    if (segment.has(tcp_rst) && !has_mark(resets_, reset)) {
        if (resets_.size() == marks_max) {
            return Put::no_room;
        }
        resets_.push_back(reset);
    }
    return Put::kept;
}

TcpStream::Put TcpStream::put_payload(uint64_t at, View bytes, size_t room)
{
    while (!bytes.empty()) {
        const auto next = pieces_.upper_bound(at);
        size_t size = bytes.size();
        if (next != pieces_.end()) {
            size = std::min<uint64_t>(size, next->first - at);
        }
        Buffer* before = nullptr;
        if (next != pieces_.begin()) {
            const auto& [start, kept] = *std::prev(next);
            const uint64_t end = start + kept.size();
            if (end > at) {
                // Sent before: it must have been the same.
                size = std::min<uint64_t>(bytes.size(), end - at);
                if (std::memcmp(&kept[at - start], bytes.data(), size) != 0) {
                    return Put::contradicts;
                }
                at += size;
                bytes = bytes.subspan(size);
                continue;
            }
            if (end == at && kept.size() < piece_max) {
                before = &std::prev(next)->second;
            }
        }
        const size_t needed = size + (before ? 0 : piece_overhead);
        if (needed > room || (!before && pieces_.size() == pieces_max)) {
            return Put::no_room;
        }
        Buffer& piece = before ? *before : pieces_[at];
        piece.insert(piece.end(), bytes.begin(),
                     bytes.begin() + static_cast<ptrdiff_t>(size));
        room -= needed;
        bytes_ += needed;
        at += size;
        end_ = std::max(end_, at);
        bytes = bytes.subspan(size);
    }
    return Put::kept;
}

Answer TcpStream::covers_payload(uint64_t at, View bytes,
                                 size_t& matched) const
{
    while (matched < bytes.size()) {
        const auto next = pieces_.upper_bound(at + matched);
        if (next == pieces_.begin()) {
            return {Verdict::unknown};
        }
        const auto& [start, kept] = *std::prev(next);
        const uint64_t from = at + matched - start;
        if (from >= kept.size()) {
            return {Verdict::unknown};
        }
        const size_t size =
            std::min<uint64_t>(bytes.size() - matched, kept.size() - from);
        if (std::memcmp(&kept[from], &bytes[matched], size) != 0) {
            return {Verdict::differs, "bytes of the stream"};
        }
        matched += size;
    }
    return {Verdict::same};
}

Answer TcpStream::covers(const TcpSegment& segment, uint32_t offset,
                         size_t& matched) const
{
    if (!begun_ || !segment.has(tcp_ack | tcp_syn | tcp_rst)) {
        return {Verdict::unknown};
    }
    if (segment.has(tcp_syn) && syn_ &&
        (syn_->flags != (segment.flags & syn_flags) ||
         syn_->options != without_timestamps(segment.options))) {
        return {Verdict::differs, "options of the SYN"};
    }
    const uint64_t start = unwrap(segment.payload_sequence() - offset);
    const uint64_t end = start + segment.payload.size();
    const Answer payload = covers_payload(start, segment.payload, matched);
    if (payload.verdict == Verdict::differs) {
        return payload;
    }
    if (fin_ && end > *fin_ && !segment.payload.empty()) {
        return {Verdict::differs, "the copy has closed the stream"};
    }
    if (segment.has(tcp_fin) && (end_ > end || (fin_ && *fin_ != end))) {
        return {Verdict::differs, "the copy has not closed the stream"};
    }
    const bool has_all =
        payload.verdict == Verdict::same &&
        (!segment.has(tcp_syn) ||
         (syn_ && syn_->sequence == segment.sequence - offset)) &&
        (!segment.has(tcp_fin) || fin_) &&
        (!segment.has(tcp_rst) ||
         has_mark(resets_, unwrap(segment.sequence - offset))) &&
        (!segment.has(tcp_urg) || has_mark(urgent_, start + segment.urgent)) &&
        (!segment.has(tcp_ack) ||
         (acknowledged_ && sequence_distance(segment.acknowledgement,
                                             *acknowledged_) >= 0));
    return {has_all ? Verdict::same : Verdict::unknown};
}

void TcpStream::pass(uint32_t sequence, size_t history)
{
    if (begun_) {
        passed_ = std::max(passed_, unwrap(sequence));
        forget(history);
    }
}

void TcpStream::forget(size_t history)
{
    while (!pieces_.empty()) {
        const auto& [start, kept] = *pieces_.begin();
        if (start + kept.size() + history > passed_) {
            return;
        }
        bytes_ -= kept.size() + piece_overhead;
        pieces_.erase(pieces_.begin());
    }
}

}  // namespace xl_colo
