#include "commands/eligibility.h"

namespace xl_colo {

namespace {

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

std::string list(const std::vector<std::string>& words)
{
    std::string line;
    for (const auto& word : words) {
        line += (line.empty() ? "" : ", ") + word;
    }
    return line;
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
    // Both copies would act on them, and nobody compares what they do.
    if (!guest.writable_disks.empty()) {
        return refused("has writable disks (" + list(guest.writable_disks) +
                       "), which are not replicated: detach them, or, if the "
                       "guest has no PV drivers, attach them read-only");
    }
    // The driver makes a new ring at each checkpoint, of which the backend on
    // the copy's host, connected to the one before, wants to hear nothing
    // (frontend_changed() in Linux' xen-blkback, and in QEMU's).
    if (!guest.pv_disks.empty()) {
        return refused("has disks that it uses by PV drivers (" +
                       list(guest.pv_disks) +
                       "), which would be dead on the copy: detach them");
    }
    if (!guest.nics.empty()) {
        return refused("has network cards (" + list(guest.nics) +
                       "), whose output is not compared: detach them");
    }
    if (!guest.other_devices.empty()) {
        return refused("has devices on which both copies would act (" +
                       list(guest.other_devices) + "): detach them");
    }
    return {};
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
