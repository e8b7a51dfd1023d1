#include "devices/disk_driver.h"

namespace xl_colo {

// One that has not run is connected to nothing, or as it was released.
Status DiskDriver::guest_stands()
{
    if (!has_run_) {
        return {};
    }
    if (auto s = domain_->release_disk(vdev_); !s) {
        return s;
    }
    has_run_ = false;
    return {};
}

Status DiskDriver::committed()
{
    return domain_->renew_disk(vdev_);
}

Status DiskDriver::may_run()
{
    has_run_ = true;
    return domain_->restore_disk(vdev_);
}

namespace {

class ReadOnlyDisk : public CheckpointDevice {
public:
    explicit ReadOnlyDisk(const std::string& vdev) : vdev_(vdev), driver_(vdev)
    {
    }
    Status set_up(Domain& domain) override
    {
        driver_.set_up(domain);
        return {};
    }
    Status guest_stands(CheckpointNumber) override
    {
        return driver_.guest_stands();
    }
    Status committed(CheckpointNumber) override { return driver_.committed(); }
    Status may_run(CheckpointNumber) override { return driver_.may_run(); }
    DeviceStatus status() const override
    {
        return {vdev_, "disk", "read-only, the same on both hosts"};
    }

private:
    const std::string vdev_;
    DiskDriver driver_;
};

}  // namespace

std::unique_ptr<CheckpointDevice> make_read_only_disk(const DeviceFacts& disk)
{
    return std::make_unique<ReadOnlyDisk>(disk.name);
}

}  // namespace xl_colo
