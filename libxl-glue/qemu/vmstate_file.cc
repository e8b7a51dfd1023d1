// Seven clusters of 64 KiB describe the file, and the state follows them:
//
//     0  header
//     1  refcount table: one entry, the block below
//     2  refcount block: 1 for each cluster in use
//     3  L1 table of the disk: empty
//     4  snapshot table: one entry
//     5  L1 table of the snapshot: its second entry is the L2 table below
//     6  L2 table: the clusters of the state
//
// An L1 entry covers 512 MiB. The disk is smaller than that and has the first;
// VM state begins right after the disk's, at the second, which the snapshot
// alone has. To load it QEMU copies the snapshot's L1 table over the disk's and
// counts the references again, so all counts have to be right.
#include "qemu/vmstate_file.h"

#include <algorithm>

#include "base/bytes.h"

namespace xl_colo {

namespace {

constexpr uint32_t cluster_bits = 16;
constexpr size_t cluster_size = size_t{1} << cluster_bits;
constexpr size_t l2_entries = cluster_size / sizeof(uint64_t);
constexpr uint64_t disk_size = cluster_size;
constexpr uint32_t l1_entries = 2;

enum Cluster : uint64_t {
    header,
    refcount_table,
    refcount_block,
    disk_l1,
    snapshot_table,
    snapshot_l1,
    state_l2,
    first_of_state,
};

constexpr uint64_t offset_of(uint64_t cluster)
{
    return cluster * cluster_size;
}

// Appends zero bytes up to the beginning of that cluster.
void begin_cluster(Buffer& out, uint64_t cluster)
{
    out.resize(offset_of(cluster));
}

void put_header(Buffer& out)
{
    put_big<uint32_t>(out, 0x514649fb);  // "QFI\xfb"
    put_big<uint32_t>(out, 3);           // version
    put_big<uint64_t>(out, 0);           // no backing file
    put_big<uint32_t>(out, 0);
    put_big<uint32_t>(out, cluster_bits);
    put_big<uint64_t>(out, disk_size);
    put_big<uint32_t>(out, 0);           // not encrypted
    put_big<uint32_t>(out, l1_entries);
    put_big<uint64_t>(out, offset_of(disk_l1));
    put_big<uint64_t>(out, offset_of(refcount_table));
    put_big<uint32_t>(out, 1);           // clusters of the refcount table
    put_big<uint32_t>(out, 1);           // snapshots
    put_big<uint64_t>(out, offset_of(snapshot_table));
    put_big<uint64_t>(out, 0);           // incompatible features
    put_big<uint64_t>(out, 0);           // compatible features
    put_big<uint64_t>(out, 0);           // autoclear features
    put_big<uint32_t>(out, 4);           // a refcount has 1 << 4 bits
    put_big<uint32_t>(out, 104);         // length of this header
    put_big<uint64_t>(out, 0);           // no header extension
}

void put_snapshot(Buffer& out, size_t state_size, const std::string& tag)
{
    const std::string id = "1";
    put_big<uint64_t>(out, offset_of(snapshot_l1));
    put_big<uint32_t>(out, l1_entries);
    put_big<uint16_t>(out, static_cast<uint16_t>(id.size()));
    put_big<uint16_t>(out, static_cast<uint16_t>(tag.size()));
    put_big<uint32_t>(out, 0);   // when it was taken: no matter
    put_big<uint32_t>(out, 0);
    put_big<uint64_t>(out, 0);   // how long the guest had run: no matter
    put_big<uint32_t>(out, static_cast<uint32_t>(state_size));
    put_big<uint32_t>(out, 16);  // bytes of extra data
    put_big<uint64_t>(out, state_size);
    put_big<uint64_t>(out, disk_size);
    out.insert(out.end(), id.begin(), id.end());
    out.insert(out.end(), tag.begin(), tag.end());
}

}  // namespace

Result<Buffer> make_vmstate_file(View state, const std::string& tag)
{
    const size_t clusters = (state.size() + cluster_size - 1) / cluster_size;
    if (clusters == 0 || clusters > l2_entries) {
        return Error(ErrorKind::refused,
                     "device state of " + std::to_string(state.size()) +
                         " bytes cannot be loaded");
    }
    const uint64_t in_use = first_of_state + clusters;

    Buffer out;
    out.reserve(offset_of(in_use));
    put_header(out);
    begin_cluster(out, refcount_table);
    put_big<uint64_t>(out, offset_of(refcount_block));
    begin_cluster(out, refcount_block);
    for (uint64_t i = 0; i < in_use; i++) {
        put_big<uint16_t>(out, 1);
    }
    begin_cluster(out, snapshot_table);
    put_snapshot(out, state.size(), tag);
    begin_cluster(out, snapshot_l1);
    put_big<uint64_t>(out, 0);
    put_big<uint64_t>(out, offset_of(state_l2));
    begin_cluster(out, state_l2);
    for (uint64_t i = first_of_state; i < in_use; i++) {
        put_big<uint64_t>(out, offset_of(i));
    }
    begin_cluster(out, first_of_state);
    out.insert(out.end(), state.begin(), state.end());
    begin_cluster(out, in_use);
    return out;
}

}  // namespace xl_colo
