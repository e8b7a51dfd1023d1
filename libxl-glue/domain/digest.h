// Digests of a guest's pages, for the verification of a copy.
#pragma once

#include "hypervisor/guest_memory.h"
#include "xen/access.h"

namespace xl_colo {

// Of `count` pages from `first`; see Domain::digest() in glue.h. `present` says
// which there are (present_pages.h). Errors: hypercall (keeps errno).
Result<std::vector<PageDigest>> digest_pages(Access& access, Domid domid,
                                             const std::vector<bool>& present,
                                             Pfn first, Pages count, View key);

}  // namespace xl_colo
