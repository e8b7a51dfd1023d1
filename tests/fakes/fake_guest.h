// A guest of 64 pages that really has memory: what it writes shows in a dirty
// log, what a checkpoint forgets shows in the copy.
//
// It has one vCPU, whose whole state is a counter of how often it has run, and
// a device model, whose whole state is the same counter. Each time it runs it
// writes to
//   a page that all copies fill alike,
//   a page that every copy fills with something of its own,
//   some pages drawn at random, each copy its own ones,
//   a page that only the device model writes (DMA: in the dirty log only
//   while the device model's own log is on),
//   and the hypervisor's own page, which is in no log and never the same.
// A timer that it has set goes on while it is suspended without its help, as a
// copy is: when it fires, the hypervisor writes an event into one of the
// guest's pages, in no log either, as long as it knows of event channels.
// With a balloon it also gives pages back and takes them, a few each time,
// until it has as many as it was told, of which it hears a moment later; each
// copy chooses its own. The dirty log says nothing of that, nor of what is
// written to a page that came since it was cleaned.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "domain_table.h"
#include "hypervisor/domain.h"

namespace xl_colo {

// Of a copy's disk: what its driver finds when the copy goes on.
enum class DiskConnection {
    made,         // or to be made by a driver that begins anew
    released,
    begins_anew,  // released, and what the driver knew of is gone
    restored,     // as it was when the copy was made to stand
};

class FakeGuest {
public:
    using Page = std::array<uint8_t, page_size>;
    using Memory = std::vector<std::optional<Page>>;  // by gfn

    static constexpr Pages gfns{64};
    static constexpr Pfn same_page{1};
    static constexpr Pfn own_page{2};
    static constexpr Pfn dma_page{3};
    static constexpr Pfn event_page{4};
    static constexpr Pfn first_absent{40};   // a hole, as below 4 GiB
    static constexpr Pfn after_absent{48};
    static constexpr Pfn hypervisor_page{63};
    static constexpr Pfn first_of_balloon{8};
    static constexpr Pfn after_balloon{40};

    // A guest with memory, which runs if its record says so. The record must
    // outlive it.
    FakeGuest(Domid domid, DomainRecord& record, uint64_t seed);
    // An empty paused domain that will be a copy of `origin`, and is held
    // against it, if there is one, whenever it runs.
    FakeGuest(Domid domid, DomainRecord& record, uint64_t seed,
              const FakeGuest* origin);

    const Domid domid;
    const std::string uuid;
    // Set before a session starts.
    std::vector<Pfn> written_by_backends;

    std::string name() const;
    void rename(const std::string& name);
    GuestState state() const;
    void shut_down(GuestState state);  // by itself, so only if it runs
    void destroy();
    // Whether it makes any progress.
    bool runs() const;
    // Whether vCPUs have ever run here.
    bool has_run() const;
    Memory memory() const;
    uint64_t counter() const;

    // What the toolstack does.
    Status suspend(bool is_copy);
    Status resume();
    Status pause();
    Status unpause();
    bool is_paused() const;
    Buffer device_state() const;
    Status begin_load();
    Status load_device_state(View state, bool keeps_yank_instance);
    void start_device_model(View state);
    Status set_log_dirty(bool on);
    void start_device_model_log_dirty();

    // What libxc does. Taking cleans the log; nothing while it is off.
    std::optional<std::vector<Pfn>> take_dirty();
    // The hypervisor's own page is the mark.
    void mark_log();
    Result<Pages> count_dirty() const;
    std::optional<Page> page(Pfn pfn) const;
    void put_page(Pfn pfn, const std::optional<Page>& contents);
    void put_counter(uint64_t counter);
    void clear_hypervisor_page();

    // The balloon. A guest that is `restless` is given a new target now and
    // then.
    void make_restless();
    MemoryNews news();
    bool has(Pfn pfn) const;
    Status populate(Pfn pfn);
    Status release(Pfn pfn);
    MemoryLimits limits() const;
    void set_target(uint64_t kib);
    void set_max(uint64_t kib);

    // Somebody changes its devices, which those who watch them are told, or do
    // not hear of yet.
    enum class Heard { at_once, later };
    void change_devices(const std::string& what, Heard heard = Heard::at_once);
    std::string device_changes() const;
    const UniqueFd& device_event() const { return device_event_; }

    // Cards are connected, unless they are cut off; then they connect when that
    // is asked for so many times.
    void cut_off_card(unsigned number, unsigned tries_needed);
    CardConnection card(unsigned number) const;
    void reconnect_card(unsigned number);
    // Domain's, for a copy that stands.
    unsigned release_card(unsigned number);
    void restore_card(unsigned number, unsigned frontend);

    DiskConnection disk(const std::string& vdev) const;
    void set_disk(const std::string& vdev, DiskConnection connection);

    // Lets it run for a moment, if it does at all.
    void run();

    // Everything that must never happen, in words: a guest that ran from half
    // a checkpoint, from a state that is not its origin's.
    std::vector<std::string> violations() const;

private:
    void run_locked();
    void write(Pfn pfn, uint64_t value, bool logged);
    void move_balloon();
    uint64_t pages_locked() const;
    void check_before_running();
    std::optional<Memory> memory_at(uint64_t counter) const;

    mutable std::mutex mutex_;
    DomainRecord& record_;
    std::atomic<GuestState>& state_;
    std::atomic<unsigned>& pauses_;
    bool has_run_ = false;
    bool device_model_ = true;     // its process lives
    Memory memory_;
    uint64_t counter_ = 0;
    uint64_t device_counter_ = 0;
    std::optional<std::vector<bool>> log_;
    bool has_mark_ = false;        // the log has had one
    bool device_model_log_ = false;
    std::mt19937_64 random_;
    bool restless_ = false;
    MemoryLimits limits_{gfns.value() * 4, gfns.value() * 4};
    bool target_was_set_ = false;
    uint64_t heard_target_kib_ = gfns.value() * 4;
    std::optional<Pfn> given_back_;  // the last one
    std::set<Pfn> untracked_;      // came since the log was cleaned

    std::set<unsigned> released_cards_;
    std::map<unsigned, unsigned> cut_off_cards_;  // tries that are needed yet
    std::map<std::string, DiskConnection> disks_;  // not made() since
    std::string device_changes_;
    UniqueFd device_event_;

    bool timer_set_ = false;       // in a copy that is suspended
    bool is_copy_ = false;
    const FakeGuest* origin_ = nullptr;
    bool touched_ = false;         // by a restore, since it last ran
    std::map<uint64_t, Memory> snapshots_;  // as of each suspend, by counter
    std::vector<std::string> violations_;
};

}  // namespace xl_colo
