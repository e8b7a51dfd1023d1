#include "domain/domain.h"

#include <cerrno>
#include <utility>

#include "base/domain_files.h"
#include "domain/guest_memory.h"
#include "domain/guest_state.h"
#include "domain/granted_pages.h"
#include "domain/hypervisor_pages.h"
#include "qemu/device_state.h"
#include "xen/handles.h"

namespace xl_colo {

namespace {

Error not_saved()
{
    return {ErrorKind::io, "the device model was not saved"};
}

}  // namespace

Emulator emulator_of(const libxl_domain_config& config)
{
    return config.c_info.type == LIBXL_DOMAIN_TYPE_HVM ? Emulator::qemu
                                                       : Emulator::none;
}

GuestState XenDomain::state()
{
    return guest_state(access_->xc.get(), domid_);
}

Status XenDomain::outcome(const char* what, int rc)
{
    if (rc == 0) {
        return {};
    }
    if (state() == GuestState::gone) {
        return Error(ErrorKind::domain_gone, "the domain does not exist");
    }
    return libxl_error(what, rc);
}

Result<Suspension> XenDomain::suspend()
{
    device_state_ = not_saved();
    stopping_.forget();
    if (state() == GuestState::suspended) {
        return suspended_by_others();
    }
    Suspension suspension;
    const Status stopped = stopping_.stop(suspension);
    switch (const GuestState now = state()) {
    case GuestState::gone:
        return Error(ErrorKind::domain_gone, "the domain does not exist");
    case GuestState::poweroff:
    case GuestState::reboot:
    case GuestState::crash:
        // It was quicker, with a reason of its own.
        return Error(ErrorKind::guest_stopped,
                     std::string("the guest has shut down by itself: ") +
                         to_string(now));
    case GuestState::running:
        return stopped ? Error(ErrorKind::refused,
                               "the domain was resumed by somebody else")
                       : stopped.error();
    case GuestState::suspended:
        break;
    }
    if (!stopped) {
        if (stopped.error().kind() != ErrorKind::timeout) {
            return stopped.error();
        }
        // In the last moment, after all.
        stopping_.forget();
        suspension.stood = Suspension::Clock::now();
    }
    device_state_ = emulator_ == Emulator::none
                        ? Result<Buffer>(Buffer())
                        : access_->qmp.with<Buffer>(domid_, [](Qmp& qmp) {
                              return save_device_state(qmp, run_folder());
                          });
    if (!device_state_) {
        // QEMU drops what it has not begun with when a client goes: a "stop"
        // must not come after the "cont" by which libxl takes it back.
        access_->qmp.forget(domid_);
        return device_state_.error().with_context("cannot save device state");
    }
    return suspension;
}

// Without the guest's help, even where it has PV drivers: it goes on from the
// checkpoint, or, without one, from where it was stopped, and would not know
// that it was. A guest that hangs could keep the primary's waiting otherwise.
Status XenDomain::suspend_copy()
{
    load_ = Load::nothing;
    device_state_ = not_saved();
    // Of a domain that has shut down by itself this changes nothing: its vCPUs
    // are as still as after a suspend, and XEN_DOMCTL_resumedomain takes a
    // domain out of any shutdown.
    if (auto s = stopping_.stop_copy(); !s) {
        return s;
    }
    if (emulator_ == Emulator::none) {
        return {};
    }
    auto stopped =
        access_->qmp.with<void>(
            domid_, [](Qmp& qmp) { return stop_devices(qmp); });
    return stopped ? Status()
                   : stopped.error().with_context("cannot stop the devices");
}

Result<Buffer> XenDomain::device_state()
{
    return std::exchange(device_state_, not_saved());
}

// A restore expects a new domain, in which no vCPU sleeps and Xen has nothing
// to tell the guest.
//
// A copy's vCPU that was stopped in HLT or in SCHEDOP_poll would go on waiting
// after it was given another place in the code: in a guest with PV drivers that
// is one with interrupts off, of which nothing wakes it. One that is offline on
// the primary is in no HVM context, and would go on where it was.
//
// And what Xen has to tell, the timer of a vCPU that stands still for instance,
// it writes into the copy's event words, control blocks and vCPU info, wherever
// the copy had those, and marks no page dirty.
Status XenDomain::begin_load()
{
    auto info = domain_info(access_->xc.get(), domid_);
    if (!info) {
        return info.error();
    }
    // None: as after INIT, vcpu_reset() in xen/common/domain.c. It is offline
    // until the HVM context has it.
    constexpr vcpu_guest_context_any_t* none = nullptr;
    for (uint32_t vcpu = 0; vcpu <= info->max_vcpu_id; ++vcpu) {
        if (xc_vcpu_setcontext(access_->xc.get(), domid_.value(), vcpu,
                               none) != 0) {
            return hypercall_error("cannot reset a vCPU", errno);
        }
    }
    if (!options_.reset_pv) {
        return {};
    }
    auto pv = has_pv_drivers(*access_, domid_);
    if (!pv) {
        return pv.error();
    }
    if (!*pv) {
        return {};
    }
    if (is_reset() && load_ != Load::restarted) {
        load_ = Load::reset;  // it has not run since
        return {};
    }
    shared_info_ = info->shared_info_frame;
    load_ = Load::reset;
    return reset_pv(*access_, domid_);
}

Status XenDomain::load_device_state(View state)
{
    const Load loaded = is_reset() ? Load::reset_in : Load::in;
    if (emulator_ == Emulator::none) {
        if (!state.empty()) {
            return Error(ErrorKind::protocol,
                         "a device state for a guest that has none");
        }
        load_ = loaded;
        return {};
    }
    const bool may_by_snapshot = options_.reload_by_snapshot;
    auto r = access_->qmp.with<void>(domid_, [&](Qmp& qmp) {
        return may_by_snapshot && needs_snapshot_way(qmp.version())
                   ? load_device_state_by_snapshot(qmp, state, run_folder())
                   : load_device_state_directly(qmp, state, run_folder());
    });
    if (!r) {
        return r.error().with_context("cannot load device state");
    }
    load_ = loaded;
    return {};
}

Result<bool> XenDomain::restart_pv_drivers()
{
    const bool is_in = load_ == Load::in || load_ == Load::reset_in ||
                       load_ == Load::restarted;
    if (!is_in || !options_.reset_pv) {
        return false;
    }
    if (load_ == Load::in) {
        auto pv = has_pv_drivers(*access_, domid_);
        if (!pv || !*pv) {
            return pv;
        }
        // The primary's guest has them since this checkpoint; how far the copy
        // had come with its own does not matter any more.
        if (auto s = reset_pv(*access_, domid_); !s) {
            return s.error();
        }
        load_ = Load::reset_in;
    }
    if (auto s = make_channels(*access_, domid_, peers_); !s) {
        return s.error();
    }
    load_ = Load::restarted;
    return true;
}

// What failed may be tried again, when the primary is lost meanwhile.
Status XenDomain::resume()
{
    if (is_reset() && load_ != Load::restarted) {
        return Error(ErrorKind::hypercall,
                     "the copy's PV drivers were not restarted");
    }
    if (auto s = take_out_of_suspend(); !s) {
        return s;
    }
    // A reset has left it paused.
    if (load_ == Load::restarted &&
        xc_domain_unpause(access_->xc.get(), domid_.value()) != 0) {
        return hypercall_error("cannot unpause the domain", errno);
    }
    if (load_ != Load::no_copy) {
        load_ = Load::nothing;
    }
    return {};
}

Status XenDomain::take_out_of_suspend()
{
    // To a guest with PV drivers suspend is a hypercall of its own, and
    // "cancel" has it return that nothing happened. A copy's registers came
    // with the checkpoint, or are those of a guest that was not in that call,
    // and stay as they are. Without PV drivers both are the same
    // (modify_returncode() in xg_resume.c).
    const int cancel = load_ == Load::no_copy ? 1 : 0;
    const Status resumed =
        outcome("cannot resume the domain",
                libxl_domain_resume(access_->libxl.get(), domid_.value(),
                                    cancel, nullptr));
    if (!resumed && state() == GuestState::running) {
        return Error(resumed.error().kind(),
                     resumed.error().text() +
                         ": it runs already (by \"xl save\"?)",
                     resumed.error().code());
    }
    return resumed;
}

// Never stopped: QEMU aborts when it is told to stop a log that does not run
// (memory_global_dirty_log_do_stop() in softmmu/memory.c, 7.2), and an "xl
// save" that is under way will tell it that. If we had done so before, the
// guest would be lost. All that it costs is a hypercall, which does nothing
// while Xen's own log is off, for each time that a device writes to the guest's
// memory; and to start a log that runs is nothing to QEMU.
Status XenDomain::start_device_model_log_dirty()
{
    return emulator_ == Emulator::none
               ? Status()
               : access_->qmp.with<void>(domid_, start_dirty_log);
}

Status XenDomain::pause()
{
    return outcome("cannot pause the domain",
                   libxl_domain_pause(access_->libxl.get(), domid_.value(),
                                      nullptr));
}

Status XenDomain::unpause()
{
    return outcome("cannot unpause the domain",
                   libxl_domain_unpause(access_->libxl.get(), domid_.value(),
                                        nullptr));
}

Result<bool> XenDomain::is_paused()
{
    auto info = domain_info(access_->xc.get(), domid_);
    if (!info) {
        return info.error();
    }
    return (info->flags & XEN_DOMINF_paused) != 0;
}

Status XenDomain::rename(const std::string& name)
{
    return outcome("cannot rename the domain",
                   libxl_domain_rename(access_->libxl.get(), domid_.value(),
                                       nullptr, name.c_str()));
}

Status XenDomain::destroy()
{
    access_->qmp.forget(domid_);
    return outcome("cannot destroy the domain",
                   libxl_domain_destroy(access_->libxl.get(), domid_.value(),
                                        nullptr));
}

Result<std::unique_ptr<GuestMemory>> XenDomain::memory()
{
    return open_guest_memory(access_->logger.get(), domid_);
}

Result<std::vector<Pfn>> XenDomain::hypervisor_pages()
{
    return find_hypervisor_pages(
        access_->xc.get(), domid_,
        is_reset() ? std::optional(shared_info_) : std::nullopt);
}

Result<std::vector<Pfn>> XenDomain::pages_backends_write()
{
    return find_granted_pages(access_->xc.get(), access_->memory.get(),
                              domid_);
}

}  // namespace xl_colo
