#include "commands/eligibility.h"

#include "base/text.h"
#include "commands/device_kinds.h"
#include "session/copy.h"

namespace xl_colo {

namespace {

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

}  // namespace

Status check_guest(const DomainFacts& guest, Output output)
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
    if (!is_utf8(guest.name)) {
        return refused("has a name that is not UTF-8, which neither the other "
                       "host nor xl-colo-status could be told: \"xl rename\" "
                       "it");
    }
    // Reading such a page, as the copy does, has Xen make it; where there is
    // none left, Xen crashes the guest ("out of PoD memory").
    if (guest.promised.value() > 0) {
        return refused(
            "has less memory than it thinks (" +
            std::to_string(guest.promised.value() / 256) +
            " MiB less; memory= is below maxmem=, and its balloon driver has "
            "not made up for that yet), and would crash: start protection "
            "once it has booted, or set maxmem= to memory=");
    }
    const DeviceKinds kinds = device_kinds(output);
    if (auto s = check_devices(kinds, guest.devices); !s) {
        return s;
    }
    return check_host_for_devices(kinds, guest.devices);
}

Status check_arbiters(const Arbiters& arbiters,
                      const std::vector<DeviceFacts>& devices)
{
    if (arbiters.fence || arbiters.witness || arbiters.accept_split_brain) {
        return {};
    }
    for (const DeviceFacts& device : devices) {
        if (device.type == DeviceType::network_card ||
            (device.type == DeviceType::disk && device.writable)) {
            return refused("has " + device.name +
                           ", and would use it on both hosts after a broken "
                           "network: give --fence or --witness, or "
                           "--accept-split-brain to protect it all the same");
        }
    }
    return {};
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
            return refused(**taken +
                           "; if it is the copy of an earlier protection, "
                           "\"xl destroy\" it");
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
                       std::to_string((*needed + 1023) / 1024) +
                       " MiB: shut another one down, or have domain 0 give "
                       "some up (\"xl mem-set 0\")");
    }
    return {};
}

}  // namespace xl_colo
