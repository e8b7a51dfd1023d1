#include "relay/packer.h"

#include <algorithm>

#include "relay/packed_frame.h"

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

// Of the average, what comes last.
constexpr double weight = 0.25;

// Below it a frame is in the socket's buffer before the link has begun.
constexpr size_t telling_bytes = 1 << 20;
// A link as fast as memory is not what is waited for: 4 GB/s.
constexpr double no_link = 0.25;

// The other host's work, unpacking: a fifth of ours (docs/performance.md).
constexpr double both_hosts = 1.2;

// What is packed to find out whether it is worth it: one piece of so many.
constexpr size_t pieces_a_sample = 16;


double blend(std::optional<double> before, double now)
{
    return before ? *before + weight * (now - *before) : now;
}

}  // namespace

void Cost::add(std::chrono::nanoseconds took, size_t bytes)
{
    if (bytes > 0) {
        value_ = blend(value_, static_cast<double>(took.count()) /
                                   static_cast<double>(bytes));
    }
}

void PackingChoice::sent(size_t bytes, std::chrono::nanoseconds took)
{
    if (bytes >= telling_bytes &&
        static_cast<double>(took.count()) >
            no_link * static_cast<double>(bytes)) {
        link_.add(took, bytes);
    }
}

void PackingChoice::packed(size_t bytes, size_t left,
                           std::chrono::nanoseconds took)
{
    packing_.add(took, bytes);
    left_ = blend(left_, static_cast<double>(left) /
                             static_cast<double>(bytes));
}

bool PackingChoice::worth_it() const
{
    return link_.value() && packing_.value() && left_ &&
           *packing_.value() * both_hosts < *link_.value() * (1 - *left_);
}

Packer::Packer(Compression compression) : compression_(compression)
{
    if (compression != Compression::none) {
        pool_.emplace(WorkerPool::threads_here());
    }
}

std::optional<View> Packer::pack(View head, View contents)
{
    if (compression_ == Compression::none || contents.empty()) {
        return std::nullopt;
    }
    if (compression_ == Compression::automatic && !choice_.worth_it()) {
        if (choice_.wants_sample()) {
            sample(contents);
        }
        return std::nullopt;
    }
    const auto begun = Clock::now();
    const size_t size = pack_all(head, contents);
    choice_.packed(head.size() + contents.size(), size, Clock::now() - begun);
    if (size >= head.size() + contents.size()) {
        return std::nullopt;
    }
    return packed_;
}

// On this thread alone: with the others it would take less time.
void Packer::sample(View contents)
{
    size_t bytes = 0;
    packed_.clear();
    const auto begun = Clock::now();
    for (size_t at = 0; at < contents.size();
         at += pieces_a_sample * packed_piece_max) {
        const View piece = contents.subspan(
            at, std::min(packed_piece_max, contents.size() - at));
        pack_piece(piece, packed_);
        bytes += piece.size();
    }
    choice_.packed(bytes, packed_.size(),
                   (Clock::now() - begun) / pool_->threads());
}

size_t Packer::pack_all(View head, View contents)
{
    std::vector<View> pieces;
    for (View rest : {head, contents}) {
        while (!rest.empty()) {
            const size_t size = std::min(rest.size(), packed_piece_max);
            pieces.push_back(rest.first(size));
            rest = rest.subspan(size);
        }
    }
    parts_.resize(std::max(parts_.size(), pieces.size()));
    pool_->run(pieces.size(), [&](size_t part, unsigned) {
        parts_[part].clear();
        pack_piece(pieces[part], parts_[part]);
    });
    begin_packed(head.size() + contents.size(), packed_);
    for (size_t i = 0; i < pieces.size(); ++i) {
        packed_.insert(packed_.end(), parts_[i].begin(), parts_[i].end());
    }
    return packed_.size();
}

}  // namespace xl_colo
