#include "commands/eligibility.h"

#include "devices/device_kind.h"

namespace xl_colo {

namespace {

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

}  // namespace

Status check_guest(const DomainFacts& guest)
{
    // Nor does Xen's own COLO take one (libxl_colo_save.c). Xen vouches for its
    // page tables: a copy that has run would have to give them all up before
    // the next checkpoint is put in.
    if (guest.pv) {
        return refused("is a PV guest: only type=\"hvm\" and type=\"pvh\" can "
                       "be protected");
    }
    if (guest.state != GuestState::running) {
        return refused(std::string("is not running (") +
                       to_string(guest.state) + ")");
    }
    return check_devices(device_kinds(), guest.devices);
}

std::string copy_name(const std::string& guest)
{
    return guest + "--incoming";
}

Status check_room(Host& host, const std::string& name,
                  const std::string& configuration)
{
    auto uuid = host.uuid_of(configuration);
    if (!uuid) {
        return uuid.error();
    }
    for (const std::string& wanted : {name, copy_name(name)}) {
        auto taken = host.taken(wanted, *uuid);
        if (!taken) {
            return taken.error();
        }
        if (*taken) {
            return refused(**taken);
        }
    }
    auto needed = host.memory_needed_kib(configuration);
    if (!needed) {
        return needed.error();
    }
    auto facts = host.facts();
    if (!facts) {
        return facts.error();
    }
    if (facts->free_kib < *needed) {
        return refused("not enough free memory: " +
                       std::to_string(facts->free_kib / 1024) +
                       " MiB, the guest needs " +
                       std::to_string((*needed + 1023) / 1024) + " MiB");
    }
    return {};
}

}  // namespace xl_colo
