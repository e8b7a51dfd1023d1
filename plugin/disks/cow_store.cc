#include "disks/cow_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.h"
#include "base/unique_fd.h"
#include "disks/loop_device.h"

namespace xl_colo {

namespace {

// More than device-mapper notes in a snapshot that is empty.
constexpr uint64_t least_room = 64 * 1024;

class LoopStore : public CowStore {
public:
    LoopStore(UniqueFd file, LoopDevice loop, std::string where, Bytes size)
        : file_(std::move(file)),
          loop_(std::move(loop)),
          where_(std::move(where)),
          size_(size)
    {
    }

    std::string device() const override { return loop_.number; }

    Status clear() override
    {
        if (fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      0, static_cast<off_t>(size_.value())) != 0) {
            return io_error("cannot empty a snapshot's store", errno);
        }
        return {};
    }

    // Without it, the kernel says no more than "Input/output error".
    Status check_room() const override
    {
        struct statvfs room {};
        if (fstatvfs(file_.get(), &room) != 0) {
            return io_error("cannot ask for the room in " + where_, errno);
        }
        // Memory has no limit that would be told here.
        if (room.f_blocks == 0 ||
            uint64_t{room.f_bavail} * room.f_frsize >= least_room) {
            return {};
        }
        return Error(ErrorKind::refused,
                     "the disks' store has no room any more: the file system "
                     "of " + where_ + " is full");
    }

private:
    UniqueFd file_;
    LoopDevice loop_;
    std::string where_;
    Bytes size_;
};

Result<std::unique_ptr<CowStore>> make_store(UniqueFd file,
                                             const std::string& where,
                                             Bytes size)
{
    if (!file ||
        ftruncate(file.get(), static_cast<off_t>(size.value())) != 0) {
        return io_error("cannot make a snapshot's store in " + where, errno);
    }
    auto loop = make_loop_device(file.get());
    if (!loop) {
        return loop.error();
    }
    return std::unique_ptr<CowStore>(std::make_unique<LoopStore>(
        std::move(file), std::move(*loop), where, size));
}

}  // namespace

Result<std::unique_ptr<CowStore>> make_memory_store(Bytes size)
{
    return make_store(
        UniqueFd(memfd_create("xl-colo snapshot", MFD_CLOEXEC)), "memory",
        size);
}

Result<std::unique_ptr<CowStore>> make_file_store(const std::string& folder,
                                                  Bytes size)
{
    return make_store(
        UniqueFd(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)),
        folder, size);
}

}  // namespace xl_colo
