// The pages of a guest that are the hypervisor's and its daemons' own.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "xen/handles.h"

namespace xl_colo {

// Domain::hypervisor_pages(). `shared_info`: the frame that the guest has it
// at, where that is known better than by the hypervisor (a soft reset unmaps
// it); one that no guest can have counts as none. Error hypercall.
Result<std::vector<Pfn>> find_hypervisor_pages(
    xc_interface* xc, Domid domid, std::optional<uint64_t> shared_info);

}  // namespace xl_colo
