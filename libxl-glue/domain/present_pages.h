// Which gfns a domain has.
#pragma once

#include <vector>

#include "xen/access.h"

namespace xl_colo {

// One element for each gfn below the highest. The domain must stand still.
// Errors: hypercall (keeps errno), domain_gone.
Result<std::vector<bool>> find_present_pages(xc_interface* xc, Domid domid);

}  // namespace xl_colo
