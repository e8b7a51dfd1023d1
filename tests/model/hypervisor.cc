#include "hypervisor.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

namespace xl_colo::model {

namespace {

template <typename T>
T& argument(uint64_t value)
{
    return *reinterpret_cast<T*>(value);
}

// Of the tools that run on top, since those are what a test is about.
long version()
{
    constexpr long major = XL_COLO_XEN_VERSION / 10000;
    constexpr long minor = XL_COLO_XEN_VERSION / 100 % 100;
    return major << 16 | minor;
}

long hvm_op(Hypervisor& xen, uint64_t command, xen_hvm_param& param)
{
    const auto vm = xen.find(Domid{param.domid});
    if (!vm) {
        return -ESRCH;
    }
    switch (command) {
    case HVMOP_get_param:
        return -vm->get_param(param.index, param.value);
    case HVMOP_set_param:
        if (const int error = xen.observed("set_param")) {
            return -error;
        }
        return -vm->set_param(param.index, param.value);
    default:
        not_modelled("hvm_op", command);
    }
}

long dm_op(Hypervisor& xen, uint64_t domid, const xen_dm_op_buf* buffers)
{
    const auto& op = *static_cast<const xen_dm_op*>(buffers[0].h.p);
    if (op.op != XEN_DMOP_modified_memory) {
        not_modelled("dm_op", op.op);
    }
    if (const int error = xen.observed("modified_memory")) {
        return -error;
    }
    const auto vm = xen.find(Domid{static_cast<uint32_t>(domid)});
    if (!vm) {
        return -ESRCH;
    }
    const auto* const extents =
        static_cast<const xen_dm_op_modified_memory_extent*>(buffers[1].h.p);
    for (uint32_t i = 0; i < op.u.modified_memory.nr_extents; ++i) {
        for (uint32_t page = 0; page < extents[i].nr; ++page) {
            vm->touch(Pfn{extents[i].first_pfn + page});
        }
    }
    return 0;
}

long sched_op(Hypervisor& xen, uint64_t command, sched_remote_shutdown& op)
{
    if (command != SCHEDOP_remote_shutdown) {
        not_modelled("sched_op", command);
    }
    if (const int error = xen.observed("shut_down")) {
        return -error;
    }
    const auto vm = xen.find(Domid{op.domain_id});
    if (!vm) {
        return -ESRCH;
    }
    vm->shut_down(op.reason);
    return 0;
}

long multicall(Hypervisor& xen, multicall_entry* calls, uint64_t count)
{
    for (uint64_t i = 0; i < count; ++i) {
        std::array<uint64_t, 5> arguments{};
        std::copy_n(calls[i].args, arguments.size(), arguments.begin());
        calls[i].result = static_cast<xen_ulong_t>(
            xen.hypercall(static_cast<unsigned>(calls[i].op), arguments));
    }
    return 0;
}

}  // namespace

void not_modelled(const char* what, uint64_t number)
{
    std::fprintf(stderr,
                 "model hypervisor: %s %llu is not modelled "
                 "(tests/model/README.md)\n",
                 what, static_cast<unsigned long long>(number));
    std::abort();
}

Hypervisor& Hypervisor::of_this_process()
{
    static Hypervisor hypervisor;
    return hypervisor;
}

Domid Hypervisor::add(std::shared_ptr<Vm> vm)
{
    const std::lock_guard lock(mutex_);
    last_ = Domid{last_.value() + 1};
    vms_[last_] = std::move(vm);
    return last_;
}

void Hypervisor::remove(Domid domid)
{
    std::shared_ptr<Vm> vm;  // ends after the lock
    const std::lock_guard lock(mutex_);
    const auto found = vms_.find(domid);
    if (found != vms_.end()) {
        vm = std::move(found->second);
        vms_.erase(found);
    }
}

std::shared_ptr<Vm> Hypervisor::find(Domid domid) const
{
    const std::lock_guard lock(mutex_);
    const auto found = vms_.find(domid);
    return found == vms_.end() ? nullptr : found->second;
}

std::pair<Domid, std::shared_ptr<Vm>> Hypervisor::find_from(Domid domid) const
{
    const std::lock_guard lock(mutex_);
    const auto found = vms_.lower_bound(domid);
    if (found == vms_.end()) {
        return {};
    }
    return *found;
}

long Hypervisor::hypercall(unsigned op, const std::array<uint64_t, 5>& a)
{
    switch (op) {
    case __HYPERVISOR_dm_op:
        return dm_op(*this, a[0], &argument<xen_dm_op_buf>(a[2]));
    case __HYPERVISOR_domctl:
        return domctl(*this, argument<xen_domctl>(a[0]));
    case __HYPERVISOR_hvm_op:
        return hvm_op(*this, a[0], argument<xen_hvm_param>(a[1]));
    case __HYPERVISOR_memory_op:
        return memory_op(*this, static_cast<unsigned>(a[0]),
                         &argument<char>(a[1]));
    case __HYPERVISOR_multicall:
        return multicall(*this, &argument<multicall_entry>(a[0]), a[1]);
    case __HYPERVISOR_sched_op:
        return sched_op(*this, a[0], argument<sched_remote_shutdown>(a[1]));
    case __HYPERVISOR_sysctl:
        return sysctl(*this, argument<xen_sysctl>(a[0]));
    case __HYPERVISOR_xen_version:
        if (a[0] == XENVER_version) {
            return version();
        }
        not_modelled("xen_version", a[0]);
    default:
        not_modelled("hypercall", op);
    }
}

}  // namespace xl_colo::model
