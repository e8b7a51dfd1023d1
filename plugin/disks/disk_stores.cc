#include "disks/disk_stores.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/domain_files.h"
#include "base/errors.h"

namespace xl_colo {

namespace {

// How much is free for stores here.
Result<uint64_t> room_for(DiskStore::Kind kind)
{
    if (kind == DiskStore::Kind::memory) {
        return static_cast<uint64_t>(sysconf(_SC_AVPHYS_PAGES)) *
               static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    }
    if (auto s = make_private_folder(state_folder()); !s) {
        return s.error();
    }
    struct statvfs file_system{};
    if (statvfs(state_folder().c_str(), &file_system) != 0) {
        return io_error("cannot look at " + state_folder(), errno);
    }
    return uint64_t{file_system.f_bavail} * file_system.f_frsize;
}

Result<std::unique_ptr<CowStore>> make_plain_store(DiskStore::Kind kind,
                                                   Bytes size)
{
    if (kind == DiskStore::Kind::memory) {
        return make_memory_store(size);
    }
    if (auto s = make_private_folder(state_folder()); !s) {
        return s.error();
    }
    return make_file_store(state_folder(), size);
}

}  // namespace

DiskStores::DiskStores(DiskStore wanted, size_t nth, size_t of,
                       DeviceMapper& dm)
    : wanted_(std::move(wanted)), nth_(nth), of_(of), dm_(dm)
{
}

Status DiskStores::find()
{
    if (wanted_.kind != DiskStore::Kind::device) {
        return {};
    }
    const auto device = find_store_device(wanted_.device);
    if (!device) {
        return device.error();
    }
    device_ = *device;
    for (size_t i = 0; i < shares_.size(); ++i) {
        const auto share = store_part(*device, 2 * nth_ + i, 2 * of_);
        if (!share) {
            return share.error();
        }
        shares_[i] = *share;
    }
    return {};
}

// A quarter of what is free, for all that the guest's host may write until the
// next checkpoint, or its share of a device; and never more than the disk is,
// with what the snapshot notes of each of its chunks.
Result<Bytes> DiskStores::size_for(Sectors disk) const
{
    uint64_t most = shares_[0].length * 512;
    if (wanted_.kind != DiskStore::Kind::device && !wanted_.size) {
        const auto room = room_for(wanted_.kind);
        if (!room) {
            return room.error();
        }
        most = *room / 4;
    } else if (wanted_.kind != DiskStore::Kind::device) {
        most = wanted_.size->value();
    } else if (wanted_.size) {
        most = std::min(most, wanted_.size->value());
    }
    const uint64_t whole = disk * 512 + disk * 512 / 200 + (1 << 20);
    return Bytes{std::min(whole, most) / 4096 * 4096};
}

Result<std::unique_ptr<CowStore>> DiskStores::make(size_t i,
                                                   const std::string& name,
                                                   Bytes size)
{
    if (wanted_.kind != DiskStore::Kind::device) {
        return make_plain_store(wanted_.kind, size);
    }
    return make_device_store(
        device_, {shares_[i].start, size.value() / 512}, name, dm_);
}

}  // namespace xl_colo
