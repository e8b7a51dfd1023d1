// What a domain is doing, from the hypervisor, which knows first and every time.
#pragma once

#include "hypervisor/domain.h"
#include "xen/handles.h"

namespace xl_colo {

GuestState guest_state(xc_interface* xc, Domid domid);

}  // namespace xl_colo
