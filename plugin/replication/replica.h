// Puts DRBD beneath a plain disk of device-mapper's, as LVM's volumes are,
// while the guest uses it, and takes it off again. The guest is not restarted,
// and none of its I/O fails.
//
//     the guest's host                     the other host
//
//     vg-web1            linear
//     /dev/drbd1000      Primary  == C ==  /dev/drbd1000      Secondary
//     xl-colo-web1-xvda-plain,             vg-web1
//       what vg-web1 was
//
// DRBD's notes are in a file of /var/lib/xl-colo, so the disk stays as long as
// it is and holds what it held. They count only while DRBD is up: a host that
// went down gets the whole disk once more, as nobody knows what was done with
// it since. On a guest's host that has taken it over the disk that the guest
// uses is xl-colo-web1-xvda-0 (kept_disk.h), and that goes back to the plain
// one, too.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"
#include "disks/device_mapper.h"
#include "disks/drbd.h"
#include "disks/replica_record.h"
#include "replication/route.h"

namespace xl_colo {

// One host's side. One thread at a time. `dm` and `drbd` outlive it. Each call
// leaves everything as it was when it fails, if it does not say otherwise.
// Errors: refused, with what to do; those of DeviceMapper and Drbd; io.
class ReplicaHost {
public:
    // A device that its last user is just closing is waited for.
    ReplicaHost(DeviceMapper& dm, Drbd& drbd,
                std::chrono::milliseconds patience = std::chrono::seconds(10))
        : dm_(dm), drbd_(drbd), patience_(patience)
    {
    }

    // ---- where the guest is ------------------------------------------------

    // The plain disk on which one that the guest uses is: itself, or what is
    // beneath a disk that was taken over. Nothing for one that is none of
    // device-mapper's.
    Result<std::optional<std::string>> plain_disk(const std::string& path);
    // The other host must know nothing of it yet, or have left it. `record` is
    // kept.
    Status put_in(const ReplicaRecord& record, const Route& route);
    // Whether it is this host whose guest writes to it.
    Result<bool> serves_guest(const std::string& resource);
    // Once nobody has a copy of the guest any more.
    Status take_out(const std::string& resource);

    // ---- the other one -----------------------------------------------------

    // Whether `record.device` can become a replica of so many sectors, of
    // which all that it holds will be gone.
    Status check(const ReplicaRecord& record, Sectors sectors);
    // Makes it one. Nothing to do where it is up already.
    Status join(const ReplicaRecord& record, Sectors sectors,
                const Route& route);
    // It is none any more. Also where it never was. What the guest has written
    // there alone is not overwritten afterwards, unless somebody says that it
    // may be.
    enum class WhatItHolds { is_wanted, may_go };
    Status leave(const std::string& resource,
                 WhatItHolds holds = WhatItHolds::is_wanted);

private:
    Result<std::string> dm_name(const std::string& path);
    Result<DmTable> table_of(const std::string& name);
    Result<Sectors> size_of_table(const std::string& name);
    Result<std::optional<DrbdVolume>> up_volume(const std::string& resource);
    Status bring_up(const ReplicaRecord& record, const std::string& lower,
                    Sectors sectors, const Route& route);
    Status bring_down(const std::string& resource);
    Status put_back(const ReplicaRecord& record);
    Status check_no_copy(const ReplicaRecord& record);

    DeviceMapper& dm_;
    Drbd& drbd_;
    const std::chrono::milliseconds patience_;
};

// DRBD's name of a guest's disk. Error refused, when it cannot have one.
Result<std::string> replica_name(const std::string& guest,
                                 const std::string& disk);

}  // namespace xl_colo
