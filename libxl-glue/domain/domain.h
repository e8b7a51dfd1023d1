// A domain on this host: suspend, device state, resume, by the steps that libxl
// takes when it migrates one.
#pragma once

#include <memory>

#include "domain/balloon.h"
#include "domain/card_connection.h"
#include "domain/disk_connection.h"
#include "domain/device_watch.h"
#include "domain/log_dirty.h"
#include "domain/pv_reset.h"
#include "domain/stopping.h"
#include "hypervisor/host.h"
#include "xen/access.h"

namespace xl_colo {

// A PVH guest has none, though QEMU may serve it with disks.
Emulator emulator_of(const libxl_domain_config& config);

class XenDomain : public Domain {
public:
    XenDomain(std::shared_ptr<Access> access, Domid domid, Emulator emulator,
              const OpenOptions& options, PvPeers peers = {})
        : access_(std::move(access)),
          domid_(domid),
          emulator_(emulator),
          options_(options),
          peers_(peers),
          stopping_(*access_, domid, emulator),
          balloon_(*access_, domid),
          log_dirty_(*access_, domid)
    {
    }
    ~XenDomain() override { access_->qmp.forget(domid_); }

    Domid domid() const override { return domid_; }
    Result<Suspension> suspend() override;
    bool may_suspend_yet() const override
    {
        return stopping_.may_suspend_yet();
    }
    Status suspend_copy() override;
    Result<Buffer> device_state() override;
    Status begin_load() override;
    Status load_device_state(View state) override;
    Result<bool> restart_pv_drivers() override;
    Status resume() override;
    Status mark_log() override { return log_dirty_.mark(); }
    Result<Pages> count_dirty() override { return log_dirty_.count(); }
    Status set_log_dirty(bool on) override
    {
        return log_dirty_.switch_to(on);
    }
    Status start_device_model_log_dirty() override;
    Status pause() override;
    Status unpause() override;
    Result<bool> is_paused() override;
    Status rename(const std::string& name) override;
    Status destroy() override;
    GuestState state() override;
    Result<std::unique_ptr<GuestMemory>> memory() override;
    Balloon& balloon() override { return balloon_; }
    Result<CardConnection> card_connection(unsigned number) override
    {
        return read_card_connection(domid_, number);
    }
    Result<unsigned> release_card(unsigned number) override
    {
        return release_card_connection(domid_, number);
    }
    Status restore_card(unsigned number, unsigned frontend) override
    {
        return restore_card_connection(domid_, number, frontend);
    }
    Status reconnect_card(unsigned number) override
    {
        return remake_card_connection(domid_, number);
    }
    Status release_disk(const std::string& vdev) override
    {
        return release_disk_connection(*access_, domid_, vdev);
    }
    Status renew_disk(const std::string& vdev) override
    {
        return renew_disk_connection(domid_, vdev);
    }
    Status restore_disk(const std::string& vdev) override
    {
        return restore_disk_connection(*access_, domid_, vdev);
    }
    Result<std::unique_ptr<DeviceWatch>> watch_devices(
        const std::vector<DeviceFacts>& known) override
    {
        return XenstoreDeviceWatch::on(domid_, known);
    }
    Result<std::vector<Pfn>> hypervisor_pages() override;
    Result<std::vector<Pfn>> pages_backends_write() override;

private:
    // How far a checkpoint has been put into the copy since it was suspended.
    enum class Load {
        no_copy,    // the primary's guest, or a copy that was not suspended yet
        nothing,    // it would go on from where it was stopped
        reset,      // begin_load() has reset its PV drivers: it is held paused
        in,         // all of it is in; the PV drivers, if any, are as they were
        reset_in,   // the same after a reset
        restarted,  // and the PV drivers have channels again
    };
    bool is_reset() const
    {
        return load_ == Load::reset || load_ == Load::reset_in ||
               load_ == Load::restarted;
    }
    Status take_out_of_suspend();
    // `rc` of a libxl operation that has no result.
    Status outcome(const char* what, int rc);

    std::shared_ptr<Access> access_;
    Domid domid_;
    Emulator emulator_;
    OpenOptions options_;
    PvPeers peers_;
    GuestStopping stopping_;
    XenBalloon balloon_;
    LogDirty log_dirty_;
    // As of the last suspend(), until it is asked for.
    Result<Buffer> device_state_{Error(ErrorKind::io, "not suspended")};
    Load load_ = Load::no_copy;
    uint64_t shared_info_ = 0;      // the frame that it had before that
};

}  // namespace xl_colo
