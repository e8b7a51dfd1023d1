// A device model's state dressed up as a qcow2 file with one snapshot, whose VM
// state it is. QEMU's snapshot-load takes that, and registers what
// xen-load-devices-state forgets since 6.0 (F4, see device_state.h).
// Reference: docs/interop/qcow2.txt of QEMU, version 3 of the format.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// The whole file. `tag` names the snapshot. Error refused for an empty state
// and for one of more than 512 MiB, which one table of clusters cannot hold.
Result<Buffer> make_vmstate_file(View state, const std::string& tag);

}  // namespace xl_colo
