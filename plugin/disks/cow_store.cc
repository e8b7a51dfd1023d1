#include "disks/cow_store.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

constexpr int most_tries = 32;

class LoopStore : public CowStore {
public:
    LoopStore(UniqueFd file, UniqueFd loop, std::string device, Bytes size)
        : file_(std::move(file)),
          loop_(std::move(loop)),
          device_(std::move(device)),
          size_(size)
    {
    }

    std::string device() const override { return device_; }

    Status clear() override
    {
        if (fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      0, static_cast<off_t>(size_.value())) != 0) {
            return io_error("cannot empty a snapshot's store", errno);
        }
        return {};
    }

private:
    UniqueFd file_;
    UniqueFd loop_;  // the device lives as long as somebody has it open
    std::string device_;
    Bytes size_;
};

Result<std::unique_ptr<CowStore>> make_loop(UniqueFd file, Bytes size)
{
    const UniqueFd control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    if (!control) {
        return Error(ErrorKind::refused,
                     "there is no /dev/loop-control: \"modprobe loop\"");
    }
    // Somebody else may take the free one first.
    for (int i = 0; i < most_tries; ++i) {
        const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
        if (number < 0) {
            return io_error("cannot have a loop device", errno);
        }
        const std::string path = "/dev/loop" + std::to_string(number);
        UniqueFd loop(open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (!loop) {
            return io_error("cannot open " + path, errno);
        }
        loop_config config{};
        config.fd = static_cast<__u32>(file.get());
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
        if (ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) {
            struct stat stat{};
            fstat(loop.get(), &stat);
            std::string device = std::to_string(major(stat.st_rdev)) + ":" +
                                 std::to_string(minor(stat.st_rdev));
            return std::unique_ptr<CowStore>(std::make_unique<LoopStore>(
                std::move(file), std::move(loop), std::move(device), size));
        }
        if (errno != EBUSY) {
            return io_error("cannot set up " + path, errno);
        }
    }
    return Error(ErrorKind::io, "cannot have a loop device: others take them");
}

Result<std::unique_ptr<CowStore>> make_store(UniqueFd file,
                                             const std::string& where,
                                             Bytes size)
{
    if (!file ||
        ftruncate(file.get(), static_cast<off_t>(size.value())) != 0) {
        return io_error("cannot make a snapshot's store in " + where, errno);
    }
    return make_loop(std::move(file), size);
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
