// Has a guest's plain disks put on DRBD between two hosts, and taken off it:
// the steps on the guest's host, and those that the other is told by ssh.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "disks/device_mapper.h"
#include "disks/drbd.h"
#include "hypervisor/host.h"
#include "replication/replica.h"

namespace xl_colo {

// Those disks of a guest's that put_on() would put on DRBD, or has: writable,
// by a backend in domain 0's kernel, on none of an admin's resources. The
// resources of `devices` must have been looked for (find_resources()).
std::vector<const DeviceFacts*> disks_to_replicate(
    const std::vector<DeviceFacts>& devices);

// One thread. `log` outlives it.
class Replication {
public:
    // `host` by `ssh_command`, as xl-colo-start has them.
    Replication(std::string host, std::string ssh_command, Log& log);

    // Returns once both hosts have the same, which takes as long as the disks
    // on the link; says how far it is. Where one disk cannot be put on it, none
    // is, of those that were not.
    Status put_on(const std::string& guest,
                  const std::vector<const DeviceFacts*>& disks);
    // This one, if the guest is served by it here: whether it was. The other
    // host may be dead: then the log says what is left to do there.
    Result<bool> take_off(const ReplicaRecord& record);

private:
    Result<ReplicaRecord> record_for(const std::string& guest,
                                     const DeviceFacts& disk);
    Status choose_port(Route& route) const;
    // Chooses the record's port.
    Status begin(ReplicaRecord& record, const DeviceFacts& disk);
    Status rejoin(const ReplicaRecord& record);
    Status await_copied(const ReplicaRecord& record);
    Status tell(const std::vector<std::string>& words) const;
    Status join_there(const ReplicaRecord& record, Sectors sectors,
                      const Route& route) const;

    const std::string host_, ssh_command_;
    Log& log_;
    const std::unique_ptr<DeviceMapper> dm_ = make_device_mapper();
    const std::unique_ptr<Drbd> drbd_ = make_drbd();
    ReplicaHost here_{*dm_, *drbd_};
};

// All of the guest's by which it is served here; how many.
Result<size_t> take_off_replicas(const std::string& guest, Log& log);

}  // namespace xl_colo
