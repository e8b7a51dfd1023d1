// All that plugin/ knows of Xen is in this room. libxl-glue/ implements these
// classes over libxl, libxenctrl, libxenguest, libxenstore and QEMU's QMP,
// tests/model/ over a model hypervisor and Debian's libxenguest, tests/fakes/
// without any of them. No Xen type appears here.
//
// Threads: a Host may be used from any thread; it serialises what needs it. A
// Domain, an Incoming and a PageMover belong to one thread at a time.
//
// Errors: every call keeps rc or errno in Error::code() and says in its text
// what failed, without the domain's name: the caller adds that.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/units.h"
#include "hypervisor/domain.h"
#include "hypervisor/page_mover.h"

namespace xl_colo {

struct XenVersion {
    unsigned major = 0;
    unsigned minor = 0;
    auto operator<=>(const XenVersion&) const = default;
};

struct HostFacts {
    std::string name;                    // gethostname()
    XenVersion xen;                      // of the running hypervisor
    std::vector<uint32_t> cpu_features;  // libxl_physinfo.hw_cap, as it is
    uint64_t free_kib = 0;               // what a new domain may take
};

enum class DeviceType {
    disk,
    network_card,
    pv_connection,  // to xenstored and xenconsoled: every guest has it
    acting,         // anything else by which a guest acts on the world
};

// What a network card is on this host, by its configuration.
struct CardFacts {
    unsigned number = 0;     // libxl's devid
    std::string interface;   // its name, if it is not vif<domid>.<number>
    std::string bridge;      // empty: none
    std::string script;      // the hotplug script; empty: libxl's own
    bool emulated = false;   // beside the PV card there is an emulated one
    bool elsewhere = false;  // its backend is in another domain than ours
    bool operator==(const CardFacts&) const = default;
};

// What a disk is on this host, by its configuration.
struct DiskFacts {
    std::string path;        // the block device or file; with a script, its own
    bool block_device = false;  // a backend in the kernel serves it
    bool elsewhere = false;     // its backend is in another domain than ours
    // Of DRBD, where it is on that: disks/ finds out. Empty: none.
    std::string resource;
    unsigned volume = 0;
    bool operator==(const DiskFacts&) const = default;
};

// One device of a guest, as its configuration has it.
struct DeviceFacts {
    DeviceType type = DeviceType::acting;
    std::string name;  // a disk's vdev, a card's MAC address, else in words
    bool writable = false;           // disks
    // Disks: for all that is known. Cards: it was connected when this was read.
    bool used_by_pv_driver = false;
    CardFacts card{};                // network cards
    DiskFacts disk{};                // disks
    bool operator==(const DeviceFacts&) const = default;
};

// What decides whether a guest can be protected.
struct DomainFacts {
    Domid domid;
    std::string name;
    bool pv = false;            // neither HVM nor PVH
    std::vector<DeviceFacts> devices;
    GuestState state = GuestState::running;
    uint64_t memory_kib = 0;    // the most that the guest may have
    Pages gfns;                 // highest gfn plus one
    // Populate-on-demand pages that Xen has promised and does not have: more
    // entries than its cache for the guest holds.
    Pages promised;
    std::string configuration;  // libxl's JSON, to build it anew elsewhere
};

// Tells when any domain of the host shut down or went away.
class DomainWatch {
public:
    virtual ~DomainWatch() = default;
    virtual int fd() const = 0;      // readable: call drain(), look at states
    virtual void drain() = 0;
};

struct OpenOptions {
    // Work-around for F4, switched off only by tests.
    bool reload_by_snapshot = true;
    // What copies of guests with PV drivers need, switched off only by a test.
    bool reset_pv = true;
};

// Block devices for disks, by vdev.
using DiskPaths = std::map<std::string, std::string>;

class Host {
public:
    virtual ~Host() = default;
    virtual Result<HostFacts> facts() = 0;
    // By name or number, as xl takes it. Error domain_gone when there is none.
    virtual Result<DomainFacts> find(const std::string& name_or_domid) = 0;
    // Whether a domain of that name or with that UUID exists here; says which.
    virtual Result<std::optional<std::string>> taken(
        const std::string& name, const std::string& uuid) = 0;
    // The UUID in a configuration. Error when that is none of an HVM or PVH
    // guest.
    virtual Result<std::string> uuid_of(const std::string& configuration) = 0;
    // Free memory in KiB that building `configuration` takes.
    virtual Result<uint64_t> memory_needed_kib(
        const std::string& configuration) = 0;
    virtual Result<std::unique_ptr<Domain>> open(
        Domid domid, const OpenOptions& options) = 0;
    // Creates the domain of `configuration` under the name `name`, with `disks`
    // in place of what it has for these.
    virtual Result<std::unique_ptr<Incoming>> receive(
        const std::string& configuration, const std::string& name,
        const DiskPaths& disks, const OpenOptions& options) = 0;
    virtual std::unique_ptr<PageMover> page_mover() = 0;
    virtual Result<std::unique_ptr<DomainWatch>> watch_domains() = 0;
    // The domain has shut down with `state` and nobody else looks after it:
    // does what its configuration says (on_poweroff, on_reboot, on_crash), as
    // xl's own daemon would. The new domid after a restart, nothing after an
    // end.
    virtual Result<std::optional<Domid>> carry_out_shutdown(
        Domid domid, GuestState state) = 0;
    // Whether libxenguest here may write the dirty list with the wrong header
    // (F2): 4.18 and later are suspected, and the first list tells.
    virtual bool suspect_long_dirty_header() const = 0;
};

// Opens libxl and the rest. Error refused with one clear line when libxenguest
// has no migration on this architecture, and when there is no Xen here, no
// privilege, or no xenstored.
Result<std::unique_ptr<Host>> open_host(Log& log);

// Messages through xentoollog to `fd`, which it borrows; lines start with
// `context` ("colo primary"). Progress of libxc is shown when `progress`.
std::unique_ptr<Log> make_xentoollog(int fd, const std::string& context,
                                     LogLevel least, bool progress);

}  // namespace xl_colo
