// All that plugin/ knows of Xen. These classes are implemented in this folder
// over libxl, libxenctrl, libxenguest, libxenstore and QEMU's QMP, and in
// tests/fakes/ without any of them. No Xen type appears here.
//
// Threads: a Host may be used from any thread; it serialises what needs it. A
// Domain, an Incoming and a PageMover belong to one thread at a time.
//
// Errors: every call keeps rc or errno in Error::code() and says in its text
// what failed, without the domain's name: the caller adds that.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"

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

enum class GuestState {
    running,    // or blocked, or paused by the toolstack
    suspended,  // shut down with reason suspend
    poweroff,
    reboot,
    crash,      // crash or watchdog
    gone,
};
const char* to_string(GuestState state);

// What decides whether a guest can be protected.
struct DomainFacts {
    Domid domid;
    std::string name;
    std::string uuid;
    bool pv = false;            // neither HVM nor PVH
    std::vector<std::string> writable_disks;  // by vdev
    // Read-only ones that the guest uses by a PV driver, by vdev.
    std::vector<std::string> pv_disks;
    std::vector<std::string> nics;            // by MAC address
    // What else both copies would act on, in words: passed-through hardware,
    // shared folders and so on.
    std::vector<std::string> other_devices;
    GuestState state = GuestState::running;
    uint64_t memory_kib = 0;    // the most that the guest may have
    Pages gfns;                 // highest gfn plus one
    std::string configuration;  // libxl's JSON, to build it anew elsewhere
};

// A digest of one page; all zero for a page that the guest does not have.
using PageDigest = std::array<uint8_t, 16>;

// The memory of a domain that stands still, to look at.
class GuestMemory {
public:
    virtual ~GuestMemory() = default;
    // Calls look() with a view of each page, empty for one that the guest does
    // not have; they are valid during the call only. Error hypercall.
    using Look = std::function<void(std::span<const View> pages)>;
    virtual Status look_at(const std::vector<Pfn>& pages,
                           const Look& look) = 0;
};

// What the toolstack lets a guest have.
struct MemoryLimits {
    uint64_t target_kib = 0;  // what its balloon driver is told, in xenstore
    uint64_t max_kib = 0;     // what the hypervisor gives it at most
    auto operator<=>(const MemoryLimits&) const = default;
};

// What a guest's memory has come to.
struct MemoryNews {
    Pages pages;              // that it has
    bool target_set = false;  // since the last time; false the first time
};

// The pages of a guest as they come and go, when its balloon driver gives them
// back and takes them. Log-dirty says nothing of either, nor of what is written
// to a page that came since the log was cleaned (p2m_add_page() in
// xen/arch/x86/mm/p2m.c, Xen 4.17, makes it p2m_ram_rw and marks nothing;
// docs/features/migration.pandoc says so too). The domain must stand still for
// all but limits and news().
class Balloon {
public:
    virtual ~Balloon() = default;
    virtual Result<MemoryNews> news() = 0;
    // One element for each gfn up to the highest.
    virtual Result<std::vector<bool>> present() = 0;
    // One for each of `pages`.
    virtual Result<std::vector<bool>> has(const std::vector<Pfn>& pages) = 0;
    // `pages` must not be there, or must be.
    virtual Status populate(const std::vector<Pfn>& pages) = 0;
    virtual Status release(const std::vector<Pfn>& pages) = 0;
    virtual Result<MemoryLimits> limits() = 0;
    virtual Status set_target(uint64_t kib) = 0;
    virtual Status set_max(uint64_t kib) = 0;
};

// How a guest was suspended. Its device model is stopped after that.
struct Suspension {
    using Clock = std::chrono::steady_clock;
    // When it had taken the request; none if it was not asked.
    std::optional<Clock::time_point> acknowledged;
    Clock::time_point stood;  // all of its vCPUs
};

// One domain on this host. Methods are called by the session's thread, in the
// order of the protocol; state() may be called by any thread.
class Domain {
public:
    virtual ~Domain() = default;

    virtual Domid domid() const = 0;

    // Stops vCPUs and device model and keeps the device state. A guest with PV
    // drivers is asked to do it, and has a minute to take the request and
    // another to do it. A domain that has shut down for another reason is error
    // guest_stopped; one that somebody else has suspended is error refused, and
    // not to be resumed.
    virtual Result<Suspension> suspend() = 0;
    // Whether the guest has taken the last suspend()'s request and not done it
    // in time: it may suspend at any time yet, and nobody would wait.
    virtual bool may_suspend_yet() const = 0;
    // The same for the copy on a secondary, without its help, whatever it does:
    // its state is not kept. device_state() is not to be asked for.
    virtual Status suspend_copy() = 0;
    // The device model's state as of the last suspend().
    virtual Result<Buffer> device_state() = 0;
    // What follows puts a checkpoint into the suspended copy, beginning with
    // its pages: from here on nothing but that writes to its memory, not even
    // the hypervisor. The state that it had, its vCPUs' too, is lost.
    virtual Status begin_load() = 0;
    // Puts the state into the suspended domain's device model.
    virtual Status load_device_state(View state) = 0;
    // The suspended domain goes on: as if nothing had been, or, after
    // begin_load(), from the checkpoint that a restore put in; a guest with PV
    // drivers starts these anew then.
    virtual Status resume() = 0;

    // Whoever else saves the domain takes the log from us ("xl save -c", "xl
    // migrate"). A mark that is set whenever libxc has cleaned it for a
    // checkpoint tells: once there is one, count_dirty() looks for it.
    virtual Status mark_log() = 0;
    // Pages dirtied since the log was last cleaned, without the mark; does not
    // clean it. Error diverged when the mark is gone: pages that were dirty
    // are in no log any more.
    virtual Result<Pages> count_dirty() = 0;
    // Log-dirty of the hypervisor; the primary does not call this, as
    // xc_domain_save does it.
    virtual Status set_log_dirty(bool on) = 0;
    // That of the device model, which may run already. It is not stopped:
    // nobody can tell whether it runs because of us alone.
    virtual Status start_device_model_log_dirty() = 0;

    virtual Status pause() = 0;
    virtual Status unpause() = 0;
    virtual Status rename(const std::string& name) = 0;
    virtual Status destroy() = 0;
    virtual GuestState state() = 0;

    // Digests of `count` pages from `first`. The domain must be suspended.
    // `key` is the session's secret, so that a guest cannot choose collisions.
    virtual Result<std::vector<PageDigest>> digest(Pfn first, Pages count,
                                                   View key) = 0;
    // For one thread at a time, which need not be the Domain's. Not to be used
    // once the domain is destroyed.
    virtual Result<std::unique_ptr<GuestMemory>> memory() = 0;
    virtual Balloon& balloon() = 0;
    // Shared info, where the guest has it in its map, and the pages that HVM
    // params name as the hypervisor's or its daemons' own (ioreq, buffered
    // ioreq, xenstore ring, console ring...).
    virtual Result<std::vector<Pfn>> hypervisor_pages() = 0;
};

// The protocol's side of xc_domain_save, in the order in which libxc calls it
// (XC_STREAM_COLO, xg_sr_save.c). All run on the thread that called save().
// Each returns whether to go on; false ends the save.
class SaveCallbacks {
public:
    virtual ~SaveCallbacks() = default;
    // On before the first page, off at the end whatever that was.
    virtual bool device_model_log_dirty(bool on) = 0;
    virtual bool suspend() = 0;
    virtual bool checkpoint() = 0;
    virtual bool postcopy() = 0;
    virtual bool wait_checkpoint() = 0;
};

// What a restore's callbacks may answer (xg_sr_restore.c).
enum class RestoreAnswer {
    fail = 0,      // the copy is not to be used; the restore returns an error
    go_on = 1,
    take_over = 2  // leave the loop, keep the domain as it is
};

// The same for xc_domain_restore.
class RestoreCallbacks {
public:
    virtual ~RestoreCallbacks() = default;
    virtual RestoreAnswer checkpoint() = 0;
    virtual void restore_results(Pfn store, Pfn console) = 0;
    virtual RestoreAnswer postcopy() = 0;
    virtual RestoreAnswer wait_checkpoint() = 0;
    virtual RestoreAnswer suspend() = 0;
};

// A domain that libxl is building here, up to the point where its memory is
// wanted. libxl runs in a thread of its own; the memory is restored by ours.
//
//     begin()          libxl has made the empty domain and waits in its helper
//     PageMover        restores the memory; on its first restore_results():
//     memory_restored  the helper answers libxl
//     give_device_state  goes into the stream that libxl reads
//     wait_built       libxl has started the device model; the domain is paused
//
// The destructor of one that is not built destroys the domain.
class Incoming {
public:
    virtual ~Incoming() = default;
    virtual Domid domid() const = 0;
    virtual Status memory_restored(Pfn store, Pfn console) = 0;
    virtual Status give_device_state(View state) = 0;
    virtual Result<std::unique_ptr<Domain>> wait_built() = 0;
    // Ends libxl's work and destroys the domain; wait_built() fails then.
    // Any thread.
    virtual void abandon() = 0;
};

// libxc's page mover. Takes over the fds of `io` and `back`; closes them on
// return, so that the relays see an end.
class PageMover {
public:
    virtual ~PageMover() = default;
    // Blocks until the protocol ends it. The domain may be left suspended:
    // the caller knows what its callbacks did last.
    virtual Status save(Domid domid, UniqueFd io, UniqueFd back,
                        SaveCallbacks& callbacks) = 0;
    // `gfns` as the primary has them; `reserve_gfns` makes them known to the
    // hypervisor first, without which the dirty bitmap is cut off (F3).
    virtual Status restore(Incoming& incoming, UniqueFd io, UniqueFd back,
                           Pages gfns, bool reserve_gfns,
                           RestoreCallbacks& callbacks) = 0;
    // Whether save() takes a dirty list of several records (F6): only with our
    // patches/.
    virtual bool takes_dirty_list_parts() const = 0;
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

class Host {
public:
    virtual ~Host() = default;
    virtual Result<HostFacts> facts() = 0;
    // By name or number, as xl takes it. Error domain_gone when there is none.
    virtual Result<DomainFacts> find(const std::string& name_or_domid) = 0;
    // Whether a domain of that name or with that UUID exists here; says which.
    virtual Result<std::optional<std::string>> taken(
        const std::string& name, const std::string& uuid) = 0;
    // The UUID and the HVM-ness in a configuration, checked for sense.
    virtual Result<std::string> uuid_of(const std::string& configuration) = 0;
    // Free memory in KiB that building `configuration` takes.
    virtual Result<uint64_t> memory_needed_kib(
        const std::string& configuration) = 0;
    virtual Result<std::unique_ptr<Domain>> open(
        Domid domid, const OpenOptions& options) = 0;
    // Creates the domain of `configuration` under the name `name`.
    virtual Result<std::unique_ptr<Incoming>> receive(
        const std::string& configuration, const std::string& name,
        const OpenOptions& options) = 0;
    virtual std::unique_ptr<PageMover> page_mover() = 0;
    virtual Result<std::unique_ptr<DomainWatch>> watch_domains() = 0;
    // The domain has shut down with `state` and nobody else looks after it:
    // does what its configuration says (on_poweroff, on_reboot, on_crash), as
    // xl's own daemon would. The new domid after a restart, nothing after an
    // end.
    virtual Result<std::optional<Domid>> carry_out_shutdown(
        Domid domid, GuestState state) = 0;
    // Whether libxenguest here writes the dirty list with the wrong header
    // (F2) for certain, perhaps, or not: 4.18 and later are suspected.
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
