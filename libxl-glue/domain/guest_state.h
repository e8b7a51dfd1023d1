// What a domain is doing. The hypervisor is asked: it knows first, and always.
#pragma once

#include "hypervisor/domain.h"
#include "xen/handles.h"

namespace xl_colo {

GuestState guest_state(xc_interface* xc, Domid domid);

}  // namespace xl_colo
