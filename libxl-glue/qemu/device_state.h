// The device model's state: out of one, and into one that is running already;
// and what else is asked of it on the way.
//
// F4: QEMU 6.0 and later abort in xen-load-devices-state when the process has
// loaded a state before, and on a secondary it always has: libxl starts it with
// -incoming. qmp_xen_load_devices_state() in migration/savevm.c ends in
// migration_incoming_state_destroy(), which unregisters a yank instance that
// nobody registered ("yank_unregister_instance: Assertion 'entry' failed").
// snapshot-load (QEMU 6.0) registers one and reads the same bytes, so there the
// state goes through it, as the VM state in a file made for that.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"
#include "qemu/qmp.h"

namespace xl_colo {

// Whether F4 applies to that device model.
bool needs_snapshot_way(QemuVersion version);

// Stops QEMU, from whatever it is at, and for a state that is loaded next.
Status stop_devices(Qmp& qmp);

// Stops QEMU and takes its state, as libxl does (libxl__qmp_suspend_save()). It
// passes through a file in `directory`, which is gone afterwards. Error io; so
// is a state of more than 64 MiB, which is none of QEMU's.
Result<Buffer> save_device_state(Qmp& qmp, const std::string& directory);

// Has QEMU report the pages that it writes to Xen's log-dirty.
Status start_dirty_log(Qmp& qmp);

// Both want QEMU stopped and leave it stopped. The state passes through a file
// in `directory`, which is gone afterwards.
Status load_device_state_by_snapshot(Qmp& qmp, View state,
                                     const std::string& directory);
Status load_device_state_directly(Qmp& qmp, View state,
                                  const std::string& directory);

}  // namespace xl_colo
