// XEN_DOMCTL_* and XEN_SYSCTL_*: what libxenctrl and libxenguest ask about one
// domain or all of them.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "hypervisor.h"

namespace xl_colo::model {

namespace {

// XEN_DOMCTL_getpageframeinfo3 in xen/arch/x86/domctl.c.
constexpr uint64_t types_max = 1024;

template <typename Handle>
auto* pointer(Handle handle)
{
    return handle.p;
}

xen_domctl_getdomaininfo info_of(Domid domid, Vm& vm)
{
    xen_domctl_getdomaininfo info{};
    info.domain = static_cast<domid_t>(domid.value());
    info.flags = XEN_DOMINF_hvm_guest | XEN_DOMINF_hap;
    if (vm.paused()) {
        info.flags |= XEN_DOMINF_paused;
    }
    if (const auto reason = vm.shutdown_reason()) {
        info.flags |= XEN_DOMINF_shutdown | *reason << XEN_DOMINF_shutdownshift;
    }
    info.tot_pages = vm.pages().value();
    info.max_pages = vm.image().gfns().value();
    info.nr_online_vcpus = static_cast<uint32_t>(vm.vcpus());
    info.max_vcpu_id = info.nr_online_vcpus - 1;
    return info;
}

long get_info(Hypervisor& xen, xen_domctl& op)
{
    if (const int error = xen.observed("domain_info")) {
        return -error;
    }
    const auto [domid, vm] = xen.find_from(Domid{op.domain});
    if (!vm) {
        return -ESRCH;
    }
    op.domain = static_cast<domid_t>(domid.value());
    op.u.getdomaininfo = info_of(domid, *vm);
    return 0;
}

long get_infos(Hypervisor& xen, xen_sysctl_getdomaininfolist& op)
{
    op.num_domains = 0;
    Domid next{op.first_domain};
    while (op.num_domains < op.max_domains) {
        const auto [domid, vm] = xen.find_from(next);
        if (!vm) {
            break;
        }
        pointer(op.buffer)[op.num_domains++] = info_of(domid, *vm);
        next = Domid{domid.value() + 1};
    }
    return 0;
}

long get_page_types(Hypervisor& xen, Vm& vm, xen_domctl_getpageframeinfo3& op)
{
    if (const int error = xen.observed("page_types")) {
        return -error;
    }
    if (op.num > types_max) {
        return -E2BIG;
    }
    xen_pfn_t* const gfns = pointer(op.array);
    for (uint64_t i = 0; i < op.num; ++i) {
        gfns[i] = vm.image().has(Pfn{gfns[i]}) ? XEN_DOMCTL_PFINFO_NOTAB
                                               : XEN_DOMCTL_PFINFO_XTAB;
    }
    return 0;
}

long shadow_op(Hypervisor& xen, Vm& vm, xen_domctl_shadow_op& op)
{
    switch (op.op) {
    case XEN_DOMCTL_SHADOW_OP_OFF:
        vm.disable_log_dirty();
        return 0;
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        return -vm.enable_log_dirty();
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
        if (const int error = xen.observed("log_dirty_clean")) {
            return -error;
        }
        vm.read_log_dirty(pointer(op.dirty_bitmap), Pages{op.pages}, true,
                          op.stats);
        return 0;
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        vm.read_log_dirty(pointer(op.dirty_bitmap), Pages{op.pages}, false,
                          op.stats);
        return 0;
    default:
        not_modelled("domctl shadow_op", op.op);
    }
}

long get_context(Hypervisor& xen, Vm& vm, xen_domctl_hvmcontext& op)
{
    if (const int error = xen.observed("get_context")) {
        return -error;
    }
    const auto context = vm.context();
    uint8_t* const to = pointer(op.buffer);
    if (to) {
        if (op.size < context.size()) {
            return -ENOSPC;
        }
        std::ranges::copy(context, to);
    }
    op.size = static_cast<uint32_t>(context.size());
    return 0;
}

long set_context(Hypervisor& xen, Vm& vm, xen_domctl_hvmcontext& op)
{
    if (const int error = xen.observed("set_context")) {
        return -error;
    }
    return -vm.set_context({pointer(op.buffer), op.size});
}

long set_vcpu_context(Hypervisor& xen, Vm& vm, xen_domctl_vcpucontext& op)
{
    if (const int error = xen.observed("reset_vcpu")) {
        return -error;
    }
    if (pointer(op.ctxt)) {
        not_modelled("context of vCPU", op.vcpu);
    }
    return -vm.reset_vcpu(op.vcpu);
}

// Writes what there is room for; `room` then says how much that was.
template <typename Entry>
bool give(const std::vector<Entry>& entries, Entry* to, uint32_t& room)
{
    if (to && room < entries.size()) {
        return false;
    }
    if (to) {
        std::ranges::copy(entries, to);
    }
    room = static_cast<uint32_t>(entries.size());
    return true;
}

long get_cpu_policy(Vm& vm, xen_domctl_cpu_policy& op)
{
    const CpuPolicy policy = vm.cpu_policy();
    return give(policy.leaves, pointer(op.leaves), op.nr_leaves) &&
                   give(policy.msrs, pointer(op.msrs), op.nr_msrs)
               ? 0
               : -ENOBUFS;
}

long set_cpu_policy(Vm& vm, const xen_domctl_cpu_policy& op)
{
    const auto* leaves = pointer(op.leaves);
    const auto* msrs = pointer(op.msrs);
    vm.set_cpu_policy({{leaves, leaves + op.nr_leaves},
                       {msrs, msrs + op.nr_msrs}});
    return 0;
}

// More than CPUID_MAX_SERIALISED_LEAVES and MSR_MAX_SERIALISED_ENTRIES of any
// Xen so far.
long get_policy_room(xen_sysctl_cpu_policy& op)
{
    if (pointer(op.leaves) || pointer(op.msrs)) {
        not_modelled("CPU policy of the host, number", op.index);
    }
    op.nr_leaves = 256;
    op.nr_msrs = 16;
    return 0;
}

long get_tsc(Vm& vm, xen_domctl_tsc_info& op)
{
    const TscInfo tsc = vm.tsc();
    op = {};
    op.tsc_mode = tsc.mode;
    op.gtsc_khz = tsc.khz;
    op.incarnation = tsc.incarnation;
    op.elapsed_nsec = tsc.elapsed_ns;
    return 0;
}

long set_tsc(Vm& vm, const xen_domctl_tsc_info& op)
{
    vm.set_tsc({op.tsc_mode, op.gtsc_khz, op.incarnation, op.elapsed_nsec});
    return 0;
}

long resume(Hypervisor& xen, Vm& vm)
{
    if (const int error = xen.observed("resume")) {
        return -error;
    }
    vm.resume();
    return 0;
}

}  // namespace

long domctl(Hypervisor& xen, xen_domctl& op)
{
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (op.cmd == XEN_DOMCTL_getdomaininfo) {
        return get_info(xen, op);
    }
    const auto vm = xen.find(Domid{op.domain});
    if (!vm) {
        return -ESRCH;
    }
    switch (op.cmd) {
    case XEN_DOMCTL_destroydomain:
        xen.remove(Domid{op.domain});
        return 0;
    case XEN_DOMCTL_pausedomain:
        vm->pause();
        return 0;
    case XEN_DOMCTL_unpausedomain:
        return -vm->unpause();
    case XEN_DOMCTL_resumedomain:
        return resume(xen, *vm);
    case XEN_DOMCTL_getpageframeinfo3:
        return get_page_types(xen, *vm, op.u.getpageframeinfo3);
    case XEN_DOMCTL_shadow_op:
        return shadow_op(xen, *vm, op.u.shadow_op);
    case XEN_DOMCTL_gethvmcontext:
        return get_context(xen, *vm, op.u.hvmcontext);
    case XEN_DOMCTL_sethvmcontext:
        return set_context(xen, *vm, op.u.hvmcontext);
    case XEN_DOMCTL_setvcpucontext:
        return set_vcpu_context(xen, *vm, op.u.vcpucontext);
    case XEN_DOMCTL_get_cpu_policy:
        return get_cpu_policy(*vm, op.u.cpu_policy);
    case XEN_DOMCTL_set_cpu_policy:
        return set_cpu_policy(*vm, op.u.cpu_policy);
    case XEN_DOMCTL_gettscinfo:
        return get_tsc(*vm, op.u.tsc_info);
    case XEN_DOMCTL_settscinfo:
        return set_tsc(*vm, op.u.tsc_info);
    default:
        not_modelled("domctl", op.cmd);
    }
}

long sysctl(Hypervisor& xen, xen_sysctl& op)
{
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    switch (op.cmd) {
    case XEN_SYSCTL_getdomaininfolist:
        return get_infos(xen, op.u.getdomaininfolist);
    case XEN_SYSCTL_get_cpu_policy:
        return get_policy_room(op.u.cpu_policy);
    default:
        not_modelled("sysctl", op.cmd);
    }
}

}  // namespace xl_colo::model
