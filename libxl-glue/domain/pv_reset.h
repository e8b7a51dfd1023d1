// A copy with PV drivers goes on from a checkpoint as a guest does that was
// migrated: its memory has just been told, by the 0 that its suspend hypercall
// returns, to make everything anew with the hypervisor: event channels, vCPU
// info, shared info, grant table. But this hypervisor has the copy's old ones
// still, of which that memory knows nothing, and refuses the new. The guest
// went dead at its second checkpoint.
//
// So the domain is taken back to what a new one is: XEN_DOMCTL_soft_reset, and
// then the two channels that a toolstack makes for it. libxl's soft reset
// (libxl_create.c, do_domain_soft_reset(), Xen 4.17) does the same, but builds
// the domain and its devices anew around it.
#pragma once

#include <optional>

#include "xen/access.h"

namespace xl_colo {

// The domains that xenstored and xenconsoled run in.
struct PvPeers {
    Domid store{0};
    Domid console{0};
    std::optional<bool> store_polls{};  // once it is known: store_ring.h
};

// What libxl asks as well (domain_suspend_callback_common()): whether the guest
// has told Xen how it wants to hear of events. Without that it has no channels.
Result<bool> has_pv_drivers(Access& access, Domid domid);

// Resets the domain, which is suspended, and holds it paused. From then on the
// hypervisor writes nothing into its memory.
Status reset_pv(Access& access, Domid domid);

// Makes the channels of a domain that was reset and has all that a checkpoint
// brings: it may be resumed, and then unpaused. May be called again after an
// error; until then the domain is paused and no state of the guest.
Status make_channels(Access& access, Domid domid, PvPeers& peers);

}  // namespace xl_colo
