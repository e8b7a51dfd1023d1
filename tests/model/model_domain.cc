#include "model_domain.h"

#include <cerrno>
#include <cstring>

#include "base/errors.h"
#include "guest.h"

namespace xl_colo::model {

namespace {

// What QEMU's was for a small guest (5,956 bytes), rounded.
constexpr size_t device_state_size = 6000;

Status outcome(const char* what, int r)
{
    return r == 0 ? Status() : hypercall_error(what, errno);
}

// Another one at each suspend: it belongs to the registers of that moment.
Buffer make_device_state(const Registers& registers)
{
    uint64_t random = registers.word[0];
    Buffer state(device_state_size);
    for (size_t at = 0; at < state.size(); at += sizeof random) {
        const uint64_t word = next_random(random);
        std::memcpy(&state[at], &word, sizeof word);
    }
    return state;
}

}  // namespace

Status keep_device_state(Vm& vm, View state)
{
    Machine& machine = vm.image().machine();
    if (state.size() > machine.device_state.size()) {
        return Error(ErrorKind::protocol, "device state is too long");
    }
    std::ranges::copy(state, machine.device_state.begin());
    machine.device_state_size = state.size();
    return {};
}

ModelDomain::ModelDomain(std::shared_ptr<Access> access, Domid domid,
                         const Pass& pass)
    : access_(access),
      pass_(pass),
      xen_(access, domid, Emulator::qemu, OpenOptions{}),
      vm_(Hypervisor::of_this_process().find(domid))
{
}

// As XenDomain's, for a guest without PV drivers.
Status ModelDomain::stop()
{
    auto s = outcome("cannot suspend the domain",
                     xc_domain_shutdown(access_->xc.get(), domid().value(),
                                        SHUTDOWN_suspend));
    if (s && state() != GuestState::suspended) {
        return Error(ErrorKind::guest_stopped,
                     std::string("the guest has shut down by itself: ") +
                         to_string(state()));
    }
    return s;
}

Result<Suspension> ModelDomain::suspend()
{
    if (auto s = pass_("suspend"); !s) {
        return s.error();
    }
    if (auto s = stop(); !s) {
        return s.error();
    }
    const Suspension suspension{{}, Suspension::Clock::now()};
    if (auto s = keep_device_state(
            *vm_, make_device_state(vm_->image().machine().vcpus[0]));
        !s) {
        return s.error();
    }
    if (auto s = pass_("suspended"); !s) {
        return s.error();
    }
    return suspension;
}

Status ModelDomain::suspend_copy()
{
    if (auto s = pass_("suspend"); !s) {
        return s;
    }
    auto s = stop();
    if (!s && s.error().kind() != ErrorKind::guest_stopped) {
        return s;
    }
    return pass_("suspended");
}

Result<Buffer> ModelDomain::device_state()
{
    if (auto s = pass_("device_state"); !s) {
        return s.error();
    }
    const Machine& machine = vm_->image().machine();
    return Buffer(machine.device_state.begin(),
                  machine.device_state.begin() +
                      static_cast<ptrdiff_t>(machine.device_state_size));
}

Status ModelDomain::begin_load()
{
    if (auto s = pass_("begin_load"); !s) {
        return s;
    }
    return xen_.begin_load();
}

Status ModelDomain::load_device_state(View state)
{
    if (auto s = pass_("load_device_state"); !s) {
        return s;
    }
    if (auto s = keep_device_state(*vm_, state); !s) {
        return s;
    }
    return pass_("device_state_loaded");
}

Status ModelDomain::resume()
{
    if (auto s = pass_("resume"); !s) {
        return s;
    }
    if (auto s = outcome("cannot resume the domain",
                         xc_domain_resume(access_->xc.get(), domid().value(),
                                          1));
        !s) {
        return s;
    }
    return pass_("resumed");
}

Status ModelDomain::start_device_model_log_dirty()
{
    return pass_("device_model_log_dirty");
}

Status ModelDomain::pause()
{
    return outcome("cannot pause the domain",
                   xc_domain_pause(access_->xc.get(), domid().value()));
}

// How a new domain begins to run.
Status ModelDomain::unpause()
{
    if (auto s = pass_("resume"); !s) {
        return s;
    }
    if (auto s = outcome("cannot unpause the domain",
                         xc_domain_unpause(access_->xc.get(),
                                           domid().value()));
        !s) {
        return s;
    }
    return pass_("resumed");
}

Status ModelDomain::rename(const std::string&)
{
    return pass_("rename");
}

Status ModelDomain::destroy()
{
    if (auto s = pass_("destroy"); !s) {
        return s;
    }
    return outcome("cannot destroy the domain",
                   xc_domain_destroy(access_->xc.get(), domid().value()));
}

// Of the primary's guest, this is to compare it with the copy.
Result<std::unique_ptr<GuestMemory>> ModelDomain::memory()
{
    if (auto s = pass_("memory"); !s) {
        return s.error();
    }
    return xen_.memory();
}

}  // namespace xl_colo::model
