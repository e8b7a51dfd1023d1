#include "domain/hypervisor_pages.h"

#include <algorithm>
#include <cerrno>

#include "base/errors.h"
#include "xen/access.h"

namespace xl_colo {

namespace {

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

// More would be no region for ioreq servers, whatever the parameter says.
constexpr uint64_t most_pages_of_a_parameter = 64;

}  // namespace

Result<std::vector<Pfn>> find_hypervisor_pages(
    xc_interface* xc, Domid domid, std::optional<uint64_t> shared_info)
{
    const auto read = [&](int parameter, uint64_t& value) {
        return xc_hvm_param_get(xc, domid.value(),
                                static_cast<uint32_t>(parameter), &value);
    };
    std::vector<Pfn> pages;
    // Shared info, where the guest has it in its map: event channels and time.
    if (!shared_info) {
        auto info = domain_info(xc, domid);
        if (!info) {
            return info.error();
        }
        shared_info = info->shared_info_frame;
    }
    if (*shared_info < (uint64_t{1} << 40)) {
        pages.push_back(Pfn(*shared_info));
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
