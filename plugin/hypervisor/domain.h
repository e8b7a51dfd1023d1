// One domain, as the sessions use it; host.h says how threads and errors go.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "hypervisor/device_watch.h"
#include "hypervisor/guest_memory.h"

namespace xl_colo {

struct DeviceFacts;

enum class GuestState {
    running,    // or blocked, or paused by the toolstack
    suspended,  // shut down with reason suspend
    poweroff,
    reboot,
    crash,      // crash or watchdog
    gone,
};
const char* to_string(GuestState state);

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

// How far a PV network card's driver and its backend have come with each other,
// in xenbus' numbers; 0: it says nothing.
struct CardConnection {
    static constexpr unsigned connected = 4;

    unsigned frontend = 0, backend = 0;
    bool is_made() const
    {
        return frontend == connected && backend == connected;
    }
};

// How a guest was suspended. Its device model is stopped after that.
struct Suspension {
    using Clock = std::chrono::steady_clock;
    // When it had taken the request; none if it was not asked.
    std::optional<Clock::time_point> acknowledged;
    Clock::time_point stood;  // all of its vCPUs
};

// One domain on this host. Methods are called by the session's thread, in the
// order of the protocol; state(), pause() and unpause() by any.
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
    // Between load_device_state() and resume(): what a guest with PV drivers
    // needs to start these anew. False where nothing has to be done. It may be
    // called again after an error.
    virtual Result<bool> restart_pv_drivers() = 0;
    // The suspended domain goes on: as if nothing had been, or, after
    // begin_load(), from the checkpoint that a restore put in.
    virtual Status resume() = 0;

    // Whoever else saves the domain takes the log from us ("xl save -c", "xl
    // migrate"). A mark that is set whenever libxc has cleaned it for a
    // checkpoint tells, on either host: once there is one, count_dirty() looks
    // for it. On the secondary it is a page of B.
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
    // By whomever: each pause() needs an unpause() of its own.
    virtual Result<bool> is_paused() = 0;
    virtual Status rename(const std::string& name) = 0;
    virtual Status destroy() = 0;
    virtual GuestState state() = 0;

    // For one thread at a time, which need not be the Domain's. Not to be used
    // once the domain is destroyed.
    virtual Result<std::unique_ptr<GuestMemory>> memory() = 0;
    virtual Balloon& balloon() = 0;
    // Of the card with libxl's devid `number`. Errors: io; also where there is
    // no such card.
    virtual Result<CardConnection> card_connection(unsigned number) = 0;
    // Has the guest's driver and the backend try again; nothing where they are
    // connected. Errors: io; timeout.
    virtual Status reconnect_card(unsigned number) = 0;
    // Of a copy that stands: has the backend let go of it, so that nothing of
    // this host writes into it any more, and the driver connect anew when the
    // copy goes on. Nothing where both are so far. Gives how far the driver
    // was. Errors: io; timeout.
    virtual Result<unsigned> release_card(unsigned number) = 0;
    // The copy goes on from where it stood after all, with its driver as far as
    // it was then. Errors: io; timeout.
    virtual Status restore_card(unsigned number, unsigned frontend) = 0;
    // Of a copy that stands: has the backend of its disk `vdev` let go of it,
    // so that nothing of this host writes into the copy any more; nothing where
    // neither has begun. How far the driver was is noted with the domain, also
    // for another process. Errors: io; timeout. May be tried again, as those
    // below.
    virtual Status release_disk(const std::string& vdev) = 0;
    // What is put in has the driver connect anew.
    virtual Status renew_disk(const std::string& vdev) = 0;
    // The copy is about to go on, with its driver as is noted; nothing, where
    // there is no note any more, nor if it runs. Errors: io; timeout.
    virtual Status restore_disk(const std::string& vdev) = 0;
    // For changes of the guest's devices from `known` on, what it had of them
    // when that was read.
    virtual Result<std::unique_ptr<DeviceWatch>> watch_devices(
        const std::vector<DeviceFacts>& known) = 0;
    // Shared info, where the guest has it in its map, and the pages that HVM
    // params name as the hypervisor's or its daemons' own (ioreq, buffered
    // ioreq, xenstore ring, console ring...).
    virtual Result<std::vector<Pfn>> hypervisor_pages() = 0;
    // Those that the guest allows its backends to write to. What they write
    // through a mapping that stays is in no log; a driver that starts anew
    // gives the pages back unread.
    virtual Result<std::vector<Pfn>> pages_backends_write() = 0;
};

}  // namespace xl_colo
