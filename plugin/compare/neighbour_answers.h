// Answers the copy's questions after its neighbours' addresses: ARP's and
// IPv6's neighbour discovery. Each time that its card connects anew the copy's
// kernel forgets all of them, and it says nothing to anybody before it has an
// answer; and on the wire its questions would move the guest to another port of
// each switch.
//
// What it answers with is what the wire has told the guest. What it has not
// heard yet the caller may ask the wire for, in the guest's name and from the
// guest's host: the answer comes in for both, and is learned here on its way.
//
// The copy keeps what it is told when it takes over. So nothing is made up.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/units.h"
#include "network/announcement.h"
#include "network/tap_frame.h"

namespace xl_colo {

// For one thread at a time.
class NeighbourAnswers {
public:
    // Remembers so many; the oldest are forgotten for new ones.
    explicit NeighbourAnswers(size_t most) : most_(most) {}

    // A frame from the wire that is for the guest: who has sent a request or an
    // answer of ARP, and what an advertisement advertises. (A solicitation says
    // nothing on whether its sender is a router, and an answer has to.)
    void learn(TapFrame from_wire);

    enum class Kind {
        no_question,  // that somebody would have to answer
        answered,
        unknown,      // it is one: to be asked on the wire
    };
    struct Reply {
        Kind kind;
        Buffer frame;  // with virtio_net_hdr; answered
    };
    // Probes for whether an address is in use get no answer, as none is what
    // the guest has got.
    Reply reply(TapFrame of_copy) const;

    // What was heard may be so no more.
    void forget();

    size_t size() const { return neighbours_.size(); }

private:
    // As they stand in the frame, behind the Ethernet addresses, and an address
    // of IPv4 or IPv6.
    struct Key {
        Buffer tags;
        Buffer address;
        auto operator<=>(const Key&) const = default;
    };
    struct Neighbour {
        MacAddress mac;
        bool is_router = false;
    };

    void remember(Key key, const Neighbour& neighbour);
    Reply reply_arp(View tags, View packet) const;
    Reply reply_solicitation(View asker_mac, View tags, View packet) const;

    const size_t most_;
    std::map<Key, Neighbour> neighbours_;
    std::deque<Key> by_age_;
};

}  // namespace xl_colo
