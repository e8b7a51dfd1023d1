// A Domain over a FakeGuest; every call can be made to fail by its name.
#pragma once

#include <memory>

#include "fake_guest.h"
#include "faults.h"
#include "hypervisor/host.h"

namespace xl_colo {

class FakeBalloon : public Balloon {
public:
    FakeBalloon(FakeGuest& guest, Faults& faults)
        : guest_(guest), faults_(faults) {}

    Result<MemoryNews> news() override;
    Result<std::vector<bool>> present() override;
    Result<std::vector<bool>> has(const std::vector<Pfn>& pages) override;
    Status populate(const std::vector<Pfn>& pages) override;
    Status release(const std::vector<Pfn>& pages) override;
    Result<MemoryLimits> limits() override;
    Status set_target(uint64_t kib) override;
    Status set_max(uint64_t kib) override;

private:
    FakeGuest& guest_;
    Faults& faults_;
};

class FakeDomain : public Domain {
public:
    FakeDomain(std::shared_ptr<FakeGuest> guest, Faults& faults,
               const OpenOptions& options)
        : guest_(std::move(guest)),
          faults_(faults),
          options_(options),
          balloon_(*guest_, faults)
    {
    }

    Domid domid() const override { return guest_->domid; }
    Result<Suspension> suspend() override;
    bool may_suspend_yet() const override { return may_suspend_yet_; }
    Status suspend_copy() override;
    Result<Buffer> device_state() override;
    Status begin_load() override;
    Status load_device_state(View state) override;
    Result<bool> restart_pv_drivers() override;
    Status resume() override;
    Status mark_log() override;
    Result<Pages> count_dirty() override;
    Status set_log_dirty(bool on) override;
    Status start_device_model_log_dirty() override;
    Status pause() override;
    Status unpause() override;
    Result<bool> is_paused() override;
    Status rename(const std::string& name) override;
    Status destroy() override;
    GuestState state() override { return guest_->state(); }
    Result<std::unique_ptr<GuestMemory>> memory() override;
    Balloon& balloon() override { return balloon_; }
    Result<CardConnection> card_connection(unsigned number) override;
    Result<unsigned> release_card(unsigned number) override;
    Status restore_card(unsigned number, unsigned frontend) override;
    Status reconnect_card(unsigned number) override;
    Status release_disk(const std::string& vdev) override;
    Status renew_disk(const std::string& vdev) override;
    Status restore_disk(const std::string& vdev) override;
    Result<std::unique_ptr<DeviceWatch>> watch_devices(
        const std::vector<DeviceFacts>& known) override;
    Result<std::vector<Pfn>> hypervisor_pages() override;
    Result<std::vector<Pfn>> pages_backends_write() override;

private:
    std::shared_ptr<FakeGuest> guest_;
    Faults& faults_;
    OpenOptions options_;
    bool may_suspend_yet_ = false;
    bool asked_ = false;  // every other time, as if it had PV drivers
    FakeBalloon balloon_;
};

}  // namespace xl_colo
