// Connections that were begun since the checkpoint: their peers know the
// primary's sequence numbers and clock, and the copy has its own. So what comes
// from a peer is changed before the copy gets it; and what the copy sends, from
// a takeover on, before the peer gets it. (Until then the comparison wants to
// see it as it is.)
//
// The comparison finds out by how much they differ, on the primary's host, and
// says so before the first frame goes out that a peer could answer. QEMU's
// filter-rewriter learns it from the first acknowledgement of the peer, which
// thereby decides what the copy takes for its own numbers: one that forges its
// address could have the copy accept a connection that the guest refuses.
//
// At each checkpoint the copy becomes the guest, numbers and all: reset().
// After a takeover each mapping is there as long as its connection; one that
// is closed, until the guest uses its addresses and ports again.
#pragma once

#include <span>
#include <unordered_map>

#include "compare/checksum.h"
#include "compare/packet.h"
#include "compare/sequence_mapping.h"

namespace xl_colo {

// For one thread at a time. Frames have virtio_net_hdr and Ethernet header, as
// a TapFrame.
class SequenceMap {
public:
    // `most`: the bound of the comparison's flows, so that there is room for
    // all that it finds. `hash_key`: nobody outside may know it.
    SequenceMap(size_t most, View hash_key)
        : most_(most), mappings_(0, FlowHash(hash_key))
    {
    }

    // False: there are `most`; what is for this one will not be understood.
    bool learn(const SequenceMapping& mapping);
    void reset() { mappings_.clear(); }
    size_t size() const { return mappings_.size(); }

    // Changes acknowledgement, SACK and echoed timestamp of what is for the
    // copy, and the sequence number in an ICMP error about what it has sent.
    // Whether there was a mapping for it.
    bool to_copy(std::span<uint8_t> frame) const;
    // Changes sequence number and timestamp of what the copy sends.
    bool from_copy(std::span<uint8_t> frame);

private:
    struct Offsets {
        uint32_t copys_first, sequence, timestamp;
    };

    bool map_quoted(std::span<uint8_t> ethernet,
                    const TransportPlace& place) const;

    const size_t most_;
    std::unordered_map<FlowKey, Offsets, FlowHash> mappings_;
};

}  // namespace xl_colo
