// A PV card's driver and its backend, which tell each other by their nodes in
// xenstore how far they have come. Each looks at the other's state when that is
// written, also when it is what it was.
//
//     frontend   1, driver      4, what it has to say     backend
//                waits          is written                connects
//     backend    2, waits for the driver                  4, connected
//
// netback that is told 1 lets go of what it had, and comes back to 2 by itself
// (set_backend_state() in drivers/net/xen-netback/xenbus.c of Linux; seen on
// 6.1), which has the guest's driver connect anew.
#pragma once

#include "hypervisor/domain.h"
#include "xen/handles.h"

namespace xl_colo {

Result<CardConnection> read_card_connection(Domid domid, unsigned number);

// Of a copy that stands, see Domain::release_card().
Result<unsigned> release_card_connection(Domid domid, unsigned number);
// Has the backend connect to the rings that it has let go of.
Status restore_card_connection(Domid domid, unsigned number,
                               unsigned frontend);

// Has both look again; nothing where they are connected.
Status remake_card_connection(Domid domid, unsigned number);

}  // namespace xl_colo
