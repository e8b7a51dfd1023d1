// A comparison, with what it has given out, and a naive reading of the rule
// that must never break: each byte that goes out has been put out by the copy.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compare/comparison.h"
#include "packets.h"

namespace xl_colo {

class ComparisonBed {
public:
    using Time = Comparison::Time;

    explicit ComparisonBed(Comparison::Bounds bounds = {})
        : comparison(bounds, bytes_of("a key"),
                     {[this](TapFrame frame) {
                          out.emplace_back(frame.bytes().begin(),
                                           frame.bytes().end());
                      },
                      [this](const SequenceMapping& mapping) {
                          mapped.push_back(mapping);
                      }})
    {
    }

    void primary(const Buffer& frame, unsigned ms = 0)
    {
        comparison.from_primary(TapFrame(frame),
                                Time(std::chrono::milliseconds(ms)));
    }
    void copy(const Buffer& frame) { comparison.from_copy(TapFrame(frame)); }
    std::string why() const
    {
        const auto& difference = comparison.difference();
        return difference ? std::string(to_string(difference->protocol)) +
                                ": " + difference->why
                          : "";
    }
    uint64_t waits() const { return comparison.figures().frames; }

    Comparison comparison;
    std::vector<Buffer> out;
    std::vector<SequenceMapping> mapped;
};

// One TCP flow's output of the copy, byte by byte.
class NaiveCopy {
public:
    void put(const Tcp& tcp)
    {
        uint32_t at = tcp.sequence;
        if (tcp.flags & tcp_syn) {
            syns_.insert(at++);
        }
        for (const uint8_t byte : tcp.payload) {
            bytes_.insert({at++, byte});
        }
        if (tcp.flags & tcp_fin) {
            fins_.insert(at);
        }
        if (tcp.flags & tcp_rst) {
            resets_.insert(tcp.sequence);
        }
        if (tcp.flags & tcp_ack) {
            acknowledged_.push_back(tcp.acknowledgement);
        }
    }
    // With the primary's numbers larger by `offset`.
    bool has(const Tcp& tcp, uint32_t offset) const
    {
        uint32_t at = tcp.sequence - offset;
        if ((tcp.flags & tcp_rst) && !resets_.contains(at)) {
            return false;
        }
        if ((tcp.flags & tcp_syn) && !syns_.contains(at++)) {
            return false;
        }
        for (const uint8_t byte : tcp.payload) {
            if (!bytes_.contains({at++, byte})) {
                return false;
            }
        }
        if ((tcp.flags & tcp_fin) && !fins_.contains(at)) {
            return false;
        }
        return !(tcp.flags & tcp_ack) ||
               std::ranges::any_of(acknowledged_, [&](uint32_t copys) {
                   return static_cast<int32_t>(copys - tcp.acknowledgement) >=
                          0;
               });
    }

private:
    std::set<std::pair<uint32_t, uint8_t>> bytes_;
    std::set<uint32_t> syns_, fins_, resets_;
    std::vector<uint32_t> acknowledged_;
};

}  // namespace xl_colo
