// XENMEM_*: pages that come and go.
#include <cerrno>

#include "hypervisor.h"

namespace xl_colo::model {

namespace {

// Both kinds of reservation answer how many extents were done.
template <typename Do>
long for_each_extent(const xen_memory_reservation& op, Do one)
{
    const auto* const gfns = op.extent_start.p;
    if (op.extent_order != 0) {
        not_modelled("memory_op with extents of order", op.extent_order);
    }
    for (xen_ulong_t i = 0; i < op.nr_extents; ++i) {
        if (!one(Pfn{gfns[i]})) {
            return static_cast<long>(i);
        }
    }
    return static_cast<long>(op.nr_extents);
}

long populate(Hypervisor& xen, const xen_memory_reservation& op)
{
    if (const int error = xen.observed("populate")) {
        return -error;
    }
    const auto vm = xen.find(Domid{op.domid});
    if (!vm) {
        return -ESRCH;
    }
    return for_each_extent(op, [&](Pfn pfn) { return vm->add(pfn); });
}

long decrease(Hypervisor& xen, const xen_memory_reservation& op)
{
    const auto vm = xen.find(Domid{op.domid});
    if (!vm) {
        return -ESRCH;
    }
    return for_each_extent(op, [&](Pfn pfn) {
        vm->remove(pfn);
        return true;
    });
}

long maximum_gfn(Hypervisor& xen, domid_t domid)
{
    const auto vm = xen.find(Domid{domid});
    return vm ? static_cast<long>(vm->highest().value()) : -ESRCH;
}

}  // namespace

long memory_op(Hypervisor& xen, unsigned command, void* argument)
{
    switch (command) {
    case XENMEM_populate_physmap:
        return populate(xen, *static_cast<xen_memory_reservation*>(argument));
    case XENMEM_decrease_reservation:
        return decrease(xen, *static_cast<xen_memory_reservation*>(argument));
    case XENMEM_maximum_gpfn:
        // A domid_t alone before 4.13, the same at the beginning of a struct
        // since.
        return maximum_gfn(xen, *static_cast<domid_t*>(argument));
    default:
        not_modelled("memory_op", command);
    }
}

}  // namespace xl_colo::model
