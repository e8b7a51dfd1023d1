// The driver of a copy's PV disk, on the secondary: its backend lets go of the
// copy's memory while the copy stands, and has the driver connect anew, or go
// on where it was.
#pragma once

#include <memory>
#include <string>

#include "devices/device_kind.h"

namespace xl_colo {

// The moments are CheckpointDevice's.
class DiskDriver {
public:
    // `vdev`: the disk's, as libxl has it.
    explicit DiskDriver(std::string vdev) : vdev_(std::move(vdev)) {}

    void set_up(Domain& domain) { domain_ = &domain; }
    Status guest_stands();
    Status committed();
    Status may_run();

private:
    const std::string vdev_;
    Domain* domain_ = nullptr;  // from set_up() on
    bool has_run_ = false;      // since it stood last
};

// A disk that the guest only reads: there is no more to it than its driver.
std::unique_ptr<CheckpointDevice> make_read_only_disk(const DeviceFacts& disk);

}  // namespace xl_colo
