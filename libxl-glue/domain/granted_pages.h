// The pages of a guest that its backends may write to, by its own grant table.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "xen/handles.h"

namespace xl_colo {

// Domain::pages_backends_write(). Of a table in version 2 none is found: which
// entries are in use is elsewhere there. Error hypercall.
Result<std::vector<Pfn>> find_granted_pages(xc_interface* xc,
                                            xenforeignmemory_handle* memory,
                                            Domid domid);

}  // namespace xl_colo
