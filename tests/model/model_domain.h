// A Domain over a model guest. What libxl and QEMU do for a real one is
// pretended here; what libxc does is done by libxc, through the same code as in
// the program.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "domain/domain.h"
#include "hypervisor.h"
#include "hypervisor/domain.h"
#include "xen/access.h"

namespace xl_colo::model {

// Asked at the beginning of each step, by name; at the end too where that is
// worth a name of its own. An error makes the step fail. Any thread.
using Pass = std::function<Status(const std::string& step)>;

// There is no xenstored that could tell a guest's balloon driver anything.
class ModelBalloon : public Balloon {
public:
    explicit ModelBalloon(Balloon& xen) : xen_(xen) {}

    Result<MemoryNews> news() override { return MemoryNews{}; }
    Result<std::vector<bool>> present() override { return xen_.present(); }
    Result<std::vector<bool>> has(const std::vector<Pfn>& pages) override
    {
        return xen_.has(pages);
    }
    Status populate(const std::vector<Pfn>& pages) override
    {
        return xen_.populate(pages);
    }
    Status release(const std::vector<Pfn>& pages) override
    {
        return xen_.release(pages);
    }
    Result<MemoryLimits> limits() override { return MemoryLimits{}; }
    Status set_target(uint64_t) override { return {}; }
    Status set_max(uint64_t) override { return {}; }

private:
    Balloon& xen_;
};

class NoDeviceWatch : public DeviceWatch {
public:
    int fd() const override { return -1; }
    Result<std::string> changes() override { return std::string(); }
};

class ModelDomain : public Domain {
public:
    ModelDomain(std::shared_ptr<Access> access, Domid domid, const Pass& pass);

    Domid domid() const override { return xen_.domid(); }
    Result<Suspension> suspend() override;
    bool may_suspend_yet() const override { return false; }
    Status suspend_copy() override;
    Result<Buffer> device_state() override;
    Status begin_load() override;
    Status load_device_state(View state) override;
    // No guest of the model has any.
    Result<bool> restart_pv_drivers() override { return false; }
    Status resume() override;
    Status mark_log() override { return xen_.mark_log(); }
    Result<Pages> count_dirty() override { return xen_.count_dirty(); }
    Status set_log_dirty(bool on) override { return xen_.set_log_dirty(on); }
    Status start_device_model_log_dirty() override;
    Status pause() override;
    Status unpause() override;
    Result<bool> is_paused() override { return xen_.is_paused(); }
    Status rename(const std::string& name) override;
    Status destroy() override;
    GuestState state() override { return xen_.state(); }
    Result<std::unique_ptr<GuestMemory>> memory() override;
    Balloon& balloon() override { return balloon_; }
    // Nor has it a card.
    Result<CardConnection> card_connection(unsigned) override
    {
        return Error(ErrorKind::io, "no such card");
    }
    Result<unsigned> release_card(unsigned) override { return 1U; }
    Status restore_card(unsigned, unsigned) override { return {}; }
    Status reconnect_card(unsigned) override { return {}; }
    Status release_disk(const std::string&) override { return {}; }
    Status renew_disk(const std::string&) override { return {}; }
    Status restore_disk(const std::string&) override { return {}; }
    // Nobody attaches anything to a guest of the model.
    Result<std::unique_ptr<DeviceWatch>> watch_devices(
        const std::vector<DeviceFacts>&) override
    {
        return std::unique_ptr<DeviceWatch>(std::make_unique<NoDeviceWatch>());
    }
    Result<std::vector<Pfn>> pages_backends_write() override
    {
        return std::vector<Pfn>();  // it has none
    }
    Result<std::vector<Pfn>> hypervisor_pages() override
    {
        return xen_.hypervisor_pages();
    }

private:
    Status stop();

    std::shared_ptr<Access> access_;
    const Pass& pass_;
    XenDomain xen_;
    ModelBalloon balloon_{xen_.balloon()};
    std::shared_ptr<Vm> vm_;
};

// Puts the state where the guest's device model keeps it.
Status keep_device_state(Vm& vm, View state);

}  // namespace xl_colo::model
