#include "devices/pv_connection.h"

#include <atomic>

namespace xl_colo {

namespace {

class PvConnection : public CheckpointDevice {
public:
    PvConnection(std::string name, const DeviceContext& context)
        : name_(std::move(name)),
          is_copys_(context.role == Role::secondary)
    {
    }

    Status set_up(Domain& domain) override
    {
        domain_ = &domain;
        return {};
    }

    Status may_run(CheckpointNumber) override
    {
        if (!is_copys_) {
            return {};  // as it was when the guest was suspended
        }
        auto restarted = domain_->restart_pv_drivers();
        if (!restarted) {
            return restarted.error();
        }
        times_ += *restarted ? 1 : 0;
        return {};
    }

    DeviceStatus status() const override
    {
        return {name_, "pv-connection",
                is_copys_ ? "made anew " + std::to_string(times_.load()) +
                                " times"
                          : "as it is"};
    }

private:
    std::string name_;
    bool is_copys_;
    Domain* domain_ = nullptr;
    std::atomic<uint64_t> times_{0};
};

}  // namespace

std::unique_ptr<CheckpointDevice> make_pv_connection(
    const DeviceFacts& device, const DeviceContext& context)
{
    return std::make_unique<PvConnection>(device.name, context);
}

}  // namespace xl_colo
