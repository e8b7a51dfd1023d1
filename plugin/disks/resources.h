// Which block device is whose: from a disk's path to DRBD's volume, and from
// that to what it is kept on.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "disks/device_mapper.h"
#include "disks/drbd.h"
#include "hypervisor/host.h"

namespace xl_colo {

// What begins the names of a volume's devices on the secondary. Error refused
// for a resource whose name cannot be in one.
Result<std::string> dm_name_of(const std::string& resource, unsigned volume);

// The other way round, from the path of a copy's disk. Nothing for another one.
struct VolumeName {
    std::string resource;
    unsigned volume = 0;
};
std::optional<VolumeName> volume_in(const std::string& path);

// The volume that a disk is on: DRBD's own device, by whatever path; one of
// device-mapper's that is nothing but that; or, for block-drbd, a resource.
// Nothing if it is on none.
Result<std::optional<DrbdVolume>> volume_of(const DiskFacts& disk,
                                            DeviceMapper& dm, Drbd& drbd);

// The minor of DRBD's device on which all of a table is, from its beginning.
std::optional<unsigned> minor_beneath(const DmTable& table);
// A table that is nothing but that device.
DmTable table_on(const DrbdVolume& volume, Sectors size);

// Whether the disk is on that volume yet, where it is one of device-mapper's:
// LVM's programs may have put back the table that LVM knows. Error refused.
Status check_served_by(const DrbdVolume& volume, const DiskFacts& disk,
                       DeviceMapper& dm);

// "major:minor" of the volume's own device, and its length. Error io.
std::string device_of(const DrbdVolume& volume);
Result<Sectors> size_of(const DrbdVolume& volume);

// Device-mapper's name of what the volume is kept on. Error refused if that is
// none of device-mapper's.
Result<std::string> lower_of(const DrbdVolume& volume, DeviceMapper& dm,
                             Drbd& drbd);

}  // namespace xl_colo
