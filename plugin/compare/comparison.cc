#include "compare/comparison.h"

#include <algorithm>
#include <utility>

#include "compare/link_upkeep.h"

namespace xl_colo {

namespace {

constexpr const char* too_many_flows = "more flows than are compared";
constexpr const char* too_much = "more of the copy's output than is kept";

Protocol protocol_of(const FlowKey& key)
{
    switch (key.family == 0 ? uint8_t{0} : key.protocol) {
    case protocol_tcp:
        return Protocol::tcp;
    case protocol_udp:
    case protocol_udplite:
        return Protocol::udp;
    case protocol_icmp:
    case protocol_icmpv6:
        return Protocol::icmp;
    case protocol_sctp:
        return Protocol::sctp;
    default:
        return Protocol::other;
    }
}

}  // namespace

const char* to_string(Protocol protocol)
{
    switch (protocol) {
    case Protocol::tcp:
        return "TCP";
    case Protocol::udp:
        return "UDP";
    case Protocol::icmp:
        return "ICMP";
    case Protocol::sctp:
        return "SCTP";
    case Protocol::other:
        break;
    }
    return "other";
}

Comparison::Comparison(Bounds bounds, View hash_key, Listener listener)
    : bounds_(bounds),
      listener_(std::move(listener)),
      tcp_(0, FlowHash(hash_key)),
      packets_(0, FlowHash(hash_key))
{
}

// Null at the bound.
template <typename Flow>
Flow* Comparison::flow_of(Table<Flow>& table, const FlowKey& key)
{
    const auto found = table.find(key);
    if (found != table.end()) {
        return &found->second;
    }
    if (tcp_.size() + packets_.size() >= bounds_.flows) {
        return nullptr;
    }
    return &table.try_emplace(key).first->second;
}

void Comparison::tell_wait(Left how, const WaitingFrame& frame) const
{
    if (listener_.had_waited) {
        listener_.had_waited(how, frame.since);
    }
}

void Comparison::confirm(TapFrame frame)
{
    figures_.confirmed_frames += 1;
    figures_.confirmed_bytes += frame.bytes().size();
    listener_.out(frame);
}

void Comparison::keep(Lane* lane, TapFrame frame, Time now,
                      WaitingFrame& waiting)
{
    const View bytes = frame.bytes();
    WaitingFrame& kept = waiting_.emplace_back();
    kept.self = std::prev(waiting_.end());
    kept.bytes.assign(bytes.begin(), bytes.end());
    kept.packet = parse_packet(TapFrame(kept.bytes));
    kept.since = now;
    kept.matched = waiting.matched;
    kept.datagram = waiting.datagram;
    figures_.frames += 1;
    figures_.bytes += bytes.size();
    if (lane) {
        lane->push(kept);
    }
}

void Comparison::differ(Lane* lane, const FlowKey& key, const char* why)
{
    if (lane) {
        if (lane->is_shut) {
            return;
        }
        lane->is_shut = true;
    }
    const Protocol protocol = protocol_of(key);
    figures_.differences[static_cast<size_t>(protocol)] += 1;
    if (!difference_) {
        difference_ = Difference{protocol, why};
    }
}

// `waiting`: what would be kept of it, without its bytes.
template <typename Judge>
void Comparison::take(Lane& lane, TapFrame frame, Time now,
                      WaitingFrame& waiting, const Judge& judge)
{
    if (!lane.first && !lane.is_shut) {
        const Answer answer = judge(waiting);
        if (answer.verdict == Verdict::same) {
            confirm(frame);
            return;
        }
        if (answer.verdict == Verdict::differs) {
            differ(&lane, waiting.packet.key, answer.why);
        }
    }
    keep(&lane, frame, now, waiting);
}

// The copy has put out something: what of the primary's has waited for that.
template <typename Judge>
void Comparison::settle(Lane& lane, const Judge& judge)
{
    while (lane.first && !lane.is_shut) {
        WaitingFrame& frame = *lane.first;
        const Answer answer = judge(frame);
        if (answer.verdict == Verdict::unknown) {
            return;
        }
        if (answer.verdict == Verdict::differs) {
            differ(&lane, frame.packet.key, answer.why);
            return;
        }
        figures_.frames -= 1;
        figures_.bytes -= frame.bytes.size();
        tell_wait(Left::confirmed, frame);
        confirm(TapFrame(frame.bytes));
        lane.pop();
        waiting_.erase(frame.self);
    }
}

Answer Comparison::judge_tcp(TcpConnection& connection, const FlowKey& key,
                             const TcpSegment& segment, size_t& matched)
{
    const Answer answer = connection.covers(segment, matched);
    if (answer.verdict == Verdict::same) {
        if (const auto mapping = connection.take_mapping(key)) {
            listener_.mapped(*mapping);
        }
        const size_t before = connection.bytes();
        connection.pass(segment, bounds_.history_bytes);
        kept_bytes_ -= before - connection.bytes();
    }
    return answer;
}

void Comparison::from_primary(TapFrame frame, Time now)
{
    WaitingFrame waiting;
    waiting.packet = parse_packet(frame);
    const Packet& packet = waiting.packet;
    if (is_link_upkeep(frame, packet)) {
        figures_.not_compared += 1;
        listener_.out(frame);
        return;
    }
    if (packet.tcp) {
        TcpFlow* const flow = flow_of(tcp_, packet.key);
        TcpConnection* const connection =
            flow ? flow->of_primary(*packet.tcp) : nullptr;
        kept_bytes_ -= flow ? flow->take_dropped_bytes() : 0;
        if (connection) {
            take(connection->lane, frame, now, waiting, [&](WaitingFrame& w) {
                return judge_tcp(*connection, packet.key, *packet.tcp,
                                 w.matched);
            });
            return;
        }
    } else if (PacketFlow* const flow = flow_of(packets_, packet.key)) {
        waiting.datagram = flow->datagram_of_primary(packet);
        const size_t before = flow->bytes();
        take(flow->lane, frame, now, waiting, [&](WaitingFrame& w) {
            return flow->covers(w.packet, w.datagram);
        });
        kept_bytes_ -= before - flow->bytes();
        return;
    }
    differ(nullptr, packet.key, too_many_flows);
    keep(nullptr, frame, now, waiting);
}

void Comparison::hold(TapFrame frame, Time now)
{
    WaitingFrame waiting;
    keep(nullptr, frame, now, waiting);
}

// For one more put().
size_t Comparison::room(size_t used_by_flow)
{
    const size_t longest = tap_frame_max + 1024;
    if (kept_bytes_ + longest > bounds_.bytes &&
        put_since_forgotten_ > bounds_.bytes / 8) {
        forget_history();
    }
    return std::min(bounds_.bytes - std::min(kept_bytes_, bounds_.bytes),
                    bounds_.flow_bytes -
                        std::min(used_by_flow, bounds_.flow_bytes));
}

// It visits all flows. So it happens only when an eighth of the bound has come
// since the last time.
void Comparison::forget_history()
{
    put_since_forgotten_ = 0;
    for (auto& [key, flow] : tcp_) {
        const size_t before = flow.bytes();
        flow.forget();
        kept_bytes_ -= before - flow.bytes();
    }
}

void Comparison::from_copy(TapFrame frame)
{
    const Packet packet = parse_packet(frame);
    if (is_link_upkeep(frame, packet)) {
        return;
    }
    if (packet.tcp) {
        TcpFlow* const flow = flow_of(tcp_, packet.key);
        TcpConnection* const connection =
            flow ? flow->of_copy(*packet.tcp) : nullptr;
        kept_bytes_ -= flow ? flow->take_dropped_bytes() : 0;
        if (!connection) {
            differ(nullptr, packet.key, too_many_flows);
            return;
        }
        if (connection->lane.is_shut) {
            return;
        }
        const size_t left = room(connection->bytes());
        const size_t before = connection->bytes();
        const auto put = connection->put(*packet.tcp, left);
        const size_t more = connection->bytes() - before;
        kept_bytes_ += more;
        put_since_forgotten_ += more;
        if (put == TcpStream::Put::kept) {
            settle(connection->lane, [&](WaitingFrame& w) {
                return judge_tcp(*connection, packet.key, *w.packet.tcp,
                                 w.matched);
            });
        } else {
            differ(&connection->lane, packet.key,
                   put == TcpStream::Put::no_room
                       ? too_much
                       : "the copy contradicts itself");
        }
        return;
    }
    PacketFlow* const flow = flow_of(packets_, packet.key);
    if (!flow) {
        differ(nullptr, packet.key, too_many_flows);
        return;
    }
    if (flow->lane.is_shut) {
        return;
    }
    const size_t before = flow->bytes();
    if (!flow->put(packet, room(before))) {
        differ(&flow->lane, packet.key, too_much);
        return;
    }
    put_since_forgotten_ += flow->bytes() - before;
    settle(flow->lane, [&](WaitingFrame& w) {
        return flow->covers(w.packet, w.datagram);
    });
    // What is the same at once is kept no longer than this.
    kept_bytes_ += flow->bytes();
    kept_bytes_ -= before;
}

void Comparison::mark(CheckpointNumber number)
{
    tcp_.clear();
    packets_.clear();
    kept_bytes_ = 0;
    put_since_forgotten_ = 0;
    difference_.reset();
    if (epochs_.empty() || epochs_.back().number < number) {
        epochs_.push_back({number, {}});
    }
    auto& frames = epochs_.back().frames;
    frames.splice(frames.end(), waiting_);
}

uint64_t Comparison::give_out(std::list<WaitingFrame>& frames, uint64_t limit)
{
    uint64_t given = 0;
    for (; given < limit && !frames.empty(); frames.pop_front(), ++given) {
        const View bytes = frames.front().bytes;
        figures_.frames -= 1;
        figures_.bytes -= bytes.size();
        figures_.committed_frames += 1;
        figures_.committed_bytes += bytes.size();
        tell_wait(Left::committed, frames.front());
        listener_.out(TapFrame(bytes));
    }
    return given;
}

uint64_t Comparison::release(CheckpointNumber number, uint64_t limit)
{
    uint64_t given = 0;
    while (!epochs_.empty() && epochs_.front().number <= number) {
        auto& frames = epochs_.front().frames;
        given += give_out(frames, limit - given);
        if (!frames.empty()) {
            break;
        }
        epochs_.pop_front();
    }
    return given;
}

uint64_t Comparison::release_all()
{
    mark(CheckpointNumber(UINT64_MAX));
    return release(CheckpointNumber(UINT64_MAX));
}

uint64_t Comparison::drop_all()
{
    mark(CheckpointNumber(UINT64_MAX));
    epochs_.clear();
    figures_.bytes = 0;
    return std::exchange(figures_.frames, 0);
}

std::optional<Comparison::Time> Comparison::waiting_since() const
{
    return waiting_.empty() ? std::nullopt
                            : std::optional(waiting_.front().since);
}

Comparison::Figures Comparison::figures() const
{
    Figures now = figures_;
    now.flows = tcp_.size() + packets_.size();
    now.copy_bytes = kept_bytes_;
    return now;
}

}  // namespace xl_colo
