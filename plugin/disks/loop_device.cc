#include "disks/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/errors.h"
#include "disks/block_devices.h"

namespace xl_colo {

namespace {

constexpr int most_tries = 32;

}  // namespace

Result<LoopDevice> make_loop_device(int file)
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
        std::string path = "/dev/loop" + std::to_string(number);
        UniqueFd loop(open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (!loop) {
            return io_error("cannot open " + path, errno);
        }
        loop_config config{};
        config.fd = static_cast<__u32>(file);
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
        if (ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) {
            struct stat stat{};
            fstat(loop.get(), &stat);
            return LoopDevice{std::move(loop), std::move(path),
                              number_of(stat.st_rdev)};
        }
        if (errno != EBUSY) {
            return io_error("cannot set up " + path, errno);
        }
    }
    return Error(ErrorKind::io, "cannot have a loop device: others take them");
}

}  // namespace xl_colo
