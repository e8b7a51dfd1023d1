// The device model's state: out of the file that libxl leaves, into a device
// model that is running already; and what else is asked of it on the way.
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

#include "result.h"
#include "units.h"
#include "qmp.h"

namespace xl_colo {

// Where libxl_domain_suspend_only() puts it: LIBXL_DEVICE_MODEL_SAVE_FILE of
// libxl_internal.h.
std::string saved_device_state_path(Domid domid);

// Error io; also for a file larger than 64 MiB, which is none of QEMU's.
Result<Buffer> read_device_state(const std::string& path);

// Whether F4 applies to that device model.
bool needs_snapshot_way(QemuVersion version);

// Stops QEMU as libxl does, where libxl will not because the guest shut down
// by itself.
Status stop_devices(Qmp& qmp);

// Whether QEMU reports the pages that it writes to Xen's log-dirty.
Status set_dirty_log(Qmp& qmp, bool on);

// Both want QEMU stopped and leave it stopped. The state passes through a file
// in `directory`, which is gone afterwards.
Status load_device_state_by_snapshot(Qmp& qmp, View state,
                                     const std::string& directory);
Status load_device_state_directly(Qmp& qmp, View state,
                                  const std::string& directory);

}  // namespace xl_colo
