#include "domain/domain.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "domain/digest.h"
#include "domain/guest_memory.h"
#include "domain/present_pages.h"
#include "domain/shutdown_node.h"
#include "qemu/device_state.h"
#include "qemu/run_directory.h"
#include "xen/handles.h"

namespace xl_colo {

namespace {

GuestState to_guest_state(std::optional<unsigned> reason)
{
    if (!reason) {
        return GuestState::running;
    }
    switch (*reason) {
    case SHUTDOWN_suspend:
        return GuestState::suspended;
    case SHUTDOWN_poweroff:
        return GuestState::poweroff;
    // A soft reset (kexec of a crash kernel) is a reboot that keeps the domain.
    case SHUTDOWN_reboot:
    case SHUTDOWN_soft_reset:
        return GuestState::reboot;
    default:
        return GuestState::crash;
    }
}

// The pages that a parameter names, if it names any.
struct PageParameter {
    int first;
    int count;  // another parameter, or 0 for one page
};

// Pages through which the hypervisor, the device model and the daemons in dom0
// talk with the guest: they hold requests in flight and ring indices, which
// each host's own side writes. The identity map and the TSS for real mode
// (HVM_PARAM_IDENT_PT, _VM86_TSS*) are not among them: they are the guest's
// memory, written once when it is built and copied like the rest, so a
// difference there is a fault.
constexpr PageParameter hypervisor_parameters[] = {
    {HVM_PARAM_STORE_PFN, 0},
    {HVM_PARAM_CONSOLE_PFN, 0},
    {HVM_PARAM_IOREQ_PFN, 0},
    {HVM_PARAM_BUFIOREQ_PFN, 0},
    {HVM_PARAM_IOREQ_SERVER_PFN, HVM_PARAM_NR_IOREQ_SERVER_PAGES},
    {HVM_PARAM_PAGING_RING_PFN, 0},
    {HVM_PARAM_MONITOR_RING_PFN, 0},
    {HVM_PARAM_SHARING_RING_PFN, 0},
};

// With a guest that is to suspend; libxl has as much.
constexpr std::chrono::seconds patience{60};
// With a copy, for which the primary's guest has to wait.
constexpr std::chrono::seconds patience_with_copy{10};

// The guest may have written that: it is not to be trusted with a terminal.
std::string quoted(const std::string& word)
{
    const bool is_word = std::ranges::all_of(
        word, [](char c) { return c >= 'a' && c <= 'z'; });
    return is_word ? '"' + word + '"' : "something that is no word";
}

Error suspended_by_others()
{
    return {ErrorKind::refused,
            "the guest was suspended by somebody else (\"xl save\" or \"xl "
            "migrate\"?), to whom it is left"};
}

Error not_saved()
{
    return {ErrorKind::io, "the device model was not saved"};
}

// More would be no region for ioreq servers, whatever the parameter says.
constexpr uint64_t most_pages_of_a_parameter = 64;

}  // namespace

GuestState guest_state(xc_interface* xc, Domid domid)
{
    auto info = domain_info(xc, domid);
    return info ? to_guest_state(shutdown_reason(*info)) : GuestState::gone;
}

Emulator emulator_of(const libxl_domain_config& config)
{
    return config.c_info.type == LIBXL_DOMAIN_TYPE_HVM ? Emulator::qemu
                                                       : Emulator::none;
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
    may_suspend_yet_ = false;
    if (state() == GuestState::suspended) {
        return suspended_by_others();
    }
    Suspension suspension;
    const Status stopped = stop(suspension);
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
        may_suspend_yet_ = false;
        suspension.stood = Suspension::Clock::now();
    }
    device_state_ = emulator_ == Emulator::none
                        ? Result<Buffer>(Buffer())
                        : access_->qmp.with<Buffer>(domid_, [](Qmp& qmp) {
                              return save_device_state(qmp, run_directory);
                          });
    if (!device_state_) {
        // QEMU drops what it has not begun with when a client goes: a "stop"
        // must not come after the "cont" by which libxl takes it back.
        access_->qmp.forget(domid_);
        return device_state_.error().with_context("cannot save device state");
    }
    return suspension;
}

Status XenDomain::stop(Suspension& suspension)
{
    auto asked = is_to_be_asked();
    if (!asked) {
        return asked.error();
    }
    if (*asked) {
        return ask_guest(suspension);
    }
    const Status stopped = stop_guest(patience);
    suspension.stood = Suspension::Clock::now();
    return stopped;
}

// By the rules of libxl (domain_suspend_callback_common(), 4.17): a guest that
// is in ACPI's S3 cannot answer, and a PVH guest must.
Result<bool> XenDomain::is_to_be_asked()
{
    if (emulator_ == Emulator::none) {
        return true;
    }
    auto pv = has_pv_drivers(*access_, domid_);
    if (!pv || !*pv) {
        return pv;
    }
    uint64_t sleeps = 0;
    if (xc_hvm_param_get(access_->xc.get(), domid_.value(),
                         HVM_PARAM_ACPI_S_STATE, &sleeps) != 0) {
        return hypercall_error("cannot ask whether the guest sleeps", errno);
    }
    return sleeps == 0;
}

Status XenDomain::ask_guest(Suspension& suspension)
{
    if (!shutdown_node_) {
        auto node = XenstoreShutdownNode::open(domid_);
        if (!node) {
            return node.error();
        }
        shutdown_node_ = std::move(*node);
    }
    // As long as nobody can say that the request does not stand.
    may_suspend_yet_ = true;
    auto answer = ask_to_suspend(
        *shutdown_node_, [this] { return state() == GuestState::running; },
        patience);
    if (!answer) {
        shutdown_node_.reset();
        return answer.error().with_context("cannot ask the guest to suspend");
    }
    may_suspend_yet_ = !answer->stood && answer->taken;
    if (answer->stood) {
        suspension = {answer->taken, *answer->stood};
        return answer->instead ? Status(suspended_by_others()) : Status();
    }
    if (answer->instead) {
        return Error(ErrorKind::timeout,
                     "the guest cannot be asked to suspend: it has not done "
                     "what it was asked for before, within a minute (in its "
                     "control/shutdown in xenstore is " +
                         quoted(*answer->instead) + ")");
    }
    return Error(ErrorKind::timeout,
                 std::string("the guest does not do what its PV drivers were "
                             "asked for, to suspend, within a minute; the "
                             "request was ") +
                     (answer->taken ? "taken" : "ignored"));
}

Status XenDomain::stop_guest(std::chrono::seconds limit)
{
    if (xc_domain_shutdown(access_->xc.get(), domid_.value(),
                           SHUTDOWN_suspend) != 0) {
        return hypercall_error("cannot suspend the domain", errno);
    }
    // A vCPU that waits for the device model is let finish that first.
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (state() == GuestState::running) {
        if (std::chrono::steady_clock::now() > deadline) {
            // The other vCPUs stand already.
            const bool resumed =
                xc_domain_resume(access_->xc.get(), domid_.value(), 0) == 0;
            return Error(ErrorKind::timeout,
                         std::string("the domain does not stand still") +
                             (resumed ? "" : ", and cannot be resumed"));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
}

// Without the guest's help, even where it has PV drivers: it goes on from the
// checkpoint, or, without one, from where it was stopped, and would not know
// that it was. A guest that hangs could keep the primary's waiting otherwise.
Status XenDomain::suspend_copy()
{
    is_copy_ = true;
    device_state_ = not_saved();
    // Of a domain that has shut down by itself this changes nothing: its vCPUs
    // are as still as after a suspend, and XEN_DOMCTL_resumedomain takes a
    // domain out of any shutdown.
    if (auto s = stop_guest(patience_with_copy); !s) {
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
    shared_info_ = info->shared_info_frame;
    reset_ = true;
    return reset_pv(*access_, domid_);
}

Status XenDomain::load_device_state(View state)
{
    if (emulator_ == Emulator::none) {
        loaded_ = state.empty();
        return loaded_ ? Status()
                       : Error(ErrorKind::protocol,
                               "a device state for a guest that has none");
    }
    const bool may_by_snapshot = options_.reload_by_snapshot;
    auto r = access_->qmp.with<void>(domid_, [&](Qmp& qmp) {
        return may_by_snapshot && needs_snapshot_way(qmp.version())
                   ? load_device_state_by_snapshot(qmp, state, run_directory)
                   : load_device_state_directly(qmp, state, run_directory);
    });
    loaded_ = static_cast<bool>(r);
    return r ? Status() : r.error().with_context("cannot load device state");
}

// What failed may be tried again, when the primary is lost meanwhile.
Status XenDomain::resume()
{
    present_.reset();
    const Status resumed =
        loaded_ && options_.reset_pv ? resume_loaded() : take_out_of_suspend();
    if (resumed) {
        loaded_ = reset_ = false;
    }
    return resumed;
}

Status XenDomain::take_out_of_suspend()
{
    // To a guest with PV drivers suspend is a hypercall of its own, and
    // "cancel" has it return that nothing happened. A copy's registers came
    // with the checkpoint, or are those of a guest that was not in that call,
    // and stay as they are. Without PV drivers both are the same
    // (modify_returncode() in xg_resume.c).
    const int cancel = is_copy_ ? 0 : 1;
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

Status XenDomain::resume_loaded()
{
    if (!reset_) {
        auto pv = has_pv_drivers(*access_, domid_);
        if (!pv) {
            return pv.error();
        }
        if (!*pv) {
            return take_out_of_suspend();
        }
        // The primary's guest has them since this checkpoint; how far the copy
        // had come with its own does not matter any more.
        if (auto s = reset_pv(*access_, domid_); !s) {
            return s;
        }
        reset_ = true;
    }
    return restart_pv(*access_, domid_, peers_,
                      [this] { return take_out_of_suspend(); });
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
    present_.reset();
    return outcome("cannot unpause the domain",
                   libxl_domain_unpause(access_->libxl.get(), domid_.value(),
                                        nullptr));
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

Result<std::vector<PageDigest>> XenDomain::digest(Pfn first, Pages count,
                                                  View key)
{
    if (!present_) {
        auto found = find_present_pages(access_->xc.get(), domid_);
        if (!found) {
            return found.error();
        }
        present_ = std::move(*found);
    }
    return digest_pages(*access_, domid_, *present_, first, count, key);
}

Result<std::unique_ptr<GuestMemory>> XenDomain::memory()
{
    return open_guest_memory(access_->logger.get(), domid_);
}

Result<std::vector<Pfn>> XenDomain::hypervisor_pages()
{
    const auto read = [&](int parameter, uint64_t& value) {
        return xc_hvm_param_get(access_->xc.get(), domid_.value(),
                                static_cast<uint32_t>(parameter), &value);
    };
    std::vector<Pfn> pages;
    // Shared info, where the guest has it in its map: event channels and time.
    auto info = domain_info(access_->xc.get(), domid_);
    if (!info) {
        return info.error();
    }
    const uint64_t shared_info =
        reset_ ? shared_info_ : info->shared_info_frame;
    if (shared_info < (uint64_t{1} << 40)) {
        pages.push_back(Pfn(shared_info));
    }
    for (const auto& parameter : hypervisor_parameters) {
        uint64_t first = 0;
        uint64_t count = 1;
        if (read(parameter.first, first) != 0 ||
            (parameter.count != 0 && read(parameter.count, count) != 0)) {
            return hypercall_error("cannot read an HVM parameter", errno);
        }
        if (first == 0) {
            continue;  // not set: gfn 0 is the guest's in any case
        }
        count = std::min(count, most_pages_of_a_parameter);
        for (uint64_t i = 0; i < count; i++) {
            pages.push_back(Pfn(first + i));
        }
    }
    return pages;
}

}  // namespace xl_colo
