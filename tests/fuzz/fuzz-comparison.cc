// Frames of a guest and of its copy, in turns, in a language of four bytes for
// one: so that the two often say the same, or nearly. No frame may go out that
// the copy, by a naive reading of all its frames, has not put out; with the
// sequence numbers that were told, and those of before.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <vector>

#include "../unit/comparison_bed.h"

using namespace xl_colo;

namespace {

// side and kind; where; how much; which bytes.
constexpr size_t word_size = 4;

enum { of_copy = 1, of_udp = 2, with_syn = 4, with_fin = 8, with_rst = 16,
       twice_as_long = 32, other_port = 64, marks = 128 };

struct World {
    NaiveCopy tcp[2];
    std::map<Buffer, unsigned> datagrams[2];
    std::vector<uint32_t> offsets[2] = {{0}, {0}};
};

Tcp tcp_of(const uint8_t* word)
{
    Tcp tcp;
    // Around the wrap, near to each other.
    tcp.sequence = 0u - 16 + word[1] % 64;
    tcp.acknowledgement = 5u + word[3] / 16;
    tcp.flags = tcp_ack;
    tcp.flags |= word[0] & with_syn ? tcp_syn : 0;
    tcp.flags |= word[0] & with_fin ? tcp_fin : 0;
    tcp.flags |= word[0] & with_rst ? tcp_rst : 0;
    if ((tcp.flags & tcp_syn) != 0) {
        tcp.flags &= static_cast<uint16_t>(~(tcp_fin | tcp_rst));
    }
    const size_t size = word[2] % 16 * (word[0] & twice_as_long ? 2 : 1);
    for (size_t i = 0; i < size; ++i) {
        // Mostly what everybody has at that place.
        tcp.payload.push_back(
            static_cast<uint8_t>((word[3] % 16 == 1) + (word[3] & 4)));
    }
    tcp.to_port = word[0] & other_port ? 1 : 0;
    return tcp;
}

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    Comparison::Bounds bounds;
    bounds.flow_bytes = 4096;
    bounds.history_bytes = 64;
    ComparisonBed bed(bounds);
    World world;
    std::map<Buffer, Tcp> sent;
    uint64_t number = 0;
    for (; size >= word_size; data += word_size, size -= word_size) {
        const unsigned port = data[0] & other_port ? 1 : 0;
        const size_t before = bed.out.size();
        if ((data[0] & marks) != 0 && data[1] == 0) {
            bed.comparison.mark(CheckpointNumber(++number));
            world = {};
            sent.clear();
            bed.mapped.clear();
        } else if ((data[0] & of_udp) != 0) {
            const Buffer frame = udp_frame(
                Buffer(data[2] % 4, data[3] % 2), {}, 53,
                static_cast<uint16_t>(port));
            if ((data[0] & of_copy) != 0) {
                ++world.datagrams[port][frame];
                bed.copy(frame);
            } else {
                bed.primary(frame);
            }
        } else {
            const Tcp tcp = tcp_of(data);
            const Buffer frame = tcp.frame();
            if ((data[0] & of_copy) != 0) {
                world.tcp[port].put(tcp);
                bed.copy(frame);
            } else {
                sent.insert({frame, tcp});
                bed.primary(frame);
            }
        }
        for (const SequenceMapping& mapping : bed.mapped) {
            world.offsets[mapping.key.ports[1]].push_back(mapping.sequence);
        }
        bed.mapped.clear();
        for (size_t i = before; i < bed.out.size(); ++i) {
            const auto tcp = sent.find(bed.out[i]);
            if (tcp == sent.end()) {
                const uint8_t* to = &bed.out[i][virtio_header_size + 37];
                require(world.datagrams[*to][bed.out[i]]-- > 0);
                continue;
            }
            const unsigned at = tcp->second.to_port;
            require(std::ranges::any_of(
                world.offsets[at], [&](uint32_t offset) {
                    return world.tcp[at].has(tcp->second, offset);
                }));
        }
    }
    require(bed.comparison.figures().copy_bytes <= bounds.bytes);
    const uint64_t left = bed.waits();
    require(bed.comparison.release_all() == left);
    require(bed.waits() == 0 && bed.comparison.figures().bytes == 0);
    return 0;
}
