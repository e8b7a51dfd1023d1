#include "disks/replicated_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/domain_files.h"
#include "base/errors.h"
#include "base/unique_fd.h"
#include "disks/block_contents.h"
#include "disks/block_devices.h"
#include "disks/device_store.h"
#include "disks/kept_disk.h"
#include "disks/resources.h"

namespace xl_colo {

namespace {

using namespace std::chrono_literals;

constexpr auto look_again = 200ms;
// Until the backend of a guest that was destroyed lets go of its disk: on a
// host that is busy libxl gives up waiting for that after 10 seconds.
constexpr auto until_closed = 2min;
// With --verify-disks: a backend that has a request yet begins it in that time,
// and what it has begun it is given so long for.
constexpr auto quiet_for = 100ms;
constexpr auto until_settled = 10s;
// Each attempt may run the admin's handler for a split brain.
constexpr auto connect_again = 5s;
constexpr auto connect_again_at_most = 5min;

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

Error with(const DeviceFacts& disk, const std::string& what)
{
    return refused("has a disk (" + disk.name + ") " + what);
}

// How much is free for stores here.
Result<uint64_t> room_for(DiskStore::Kind kind)
{
    if (kind == DiskStore::Kind::memory) {
        return static_cast<uint64_t>(sysconf(_SC_AVPHYS_PAGES)) *
               static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    }
    if (auto s = make_private_folder(state_folder()); !s) {
        return s.error();
    }
    struct statvfs file_system{};
    if (statvfs(state_folder().c_str(), &file_system) != 0) {
        return io_error("cannot look at " + state_folder(), errno);
    }
    return uint64_t{file_system.f_bavail} * file_system.f_frsize;
}

// A quarter of what is free, for all that the guest's host may write until the
// next checkpoint, or its share of a device; and never more than the disk is,
// with what the snapshot notes of each of its chunks.
Result<Bytes> store_for(const DiskStore& store, const StorePart& share,
                        Sectors disk)
{
    uint64_t most = share.length * 512;
    if (store.kind != DiskStore::Kind::device && !store.size) {
        const auto room = room_for(store.kind);
        if (!room) {
            return room.error();
        }
        most = *room / 4;
    } else if (store.kind != DiskStore::Kind::device) {
        most = store.size->value();
    } else if (store.size) {
        most = std::min(most, store.size->value());
    }
    const uint64_t whole = disk * 512 + disk * 512 / 200 + (1 << 20);
    return Bytes{std::min(whole, most) / 4096 * 4096};
}

Result<std::unique_ptr<CowStore>> make_plain_store(DiskStore::Kind kind,
                                                   Bytes size)
{
    if (kind == DiskStore::Kind::memory) {
        return make_memory_store(size);
    }
    if (auto s = make_private_folder(state_folder()); !s) {
        return s.error();
    }
    return make_file_store(state_folder(), size);
}

std::string in_kib(Sectors sectors)
{
    return std::to_string(sectors / 2) + " KiB";
}

bool is_connected(const DrbdVolume& volume)
{
    return std::ranges::any_of(volume.peers, [](auto& peer) {
        return peer.connection == "Connected";
    });
}

bool stands_alone(const DrbdVolume& volume)
{
    return std::ranges::all_of(volume.peers, [](auto& peer) {
        return peer.connection == "StandAlone";
    });
}

// ---- the primary's ---------------------------------------------------------

class OriginalDisk : public CheckpointDevice {
public:
    OriginalDisk(DeviceFacts facts, const DeviceContext& context)
        : facts_(std::move(facts)),
          log_(context.log),
          settles_(context.verify_contents)
    {
    }

    Status set_up(Domain&) override { return check(); }
    Status guest_stands(CheckpointNumber) override { return settle(); }
    bool has_contents() const override { return true; }
    Result<std::unique_ptr<DeviceContents>> contents() override;
    bool is_kept_by_other() const override { return true; }
    Status may_commit(CheckpointNumber) override { return check(); }
    void other_is_lost() override;
    void protection_ended(State how) override { ended_ = how; }
    void tear_down() override;
    DeviceStatus status() const override
    {
        return {facts_.name, "disk", says_};
    }

private:
    Status check();
    Status settle();
    Status demote();
    void report(const Status& s) const
    {
        if (!s) {
            log_.warn("disk " + facts_.name + ": " + s.error().text());
        }
    }

    const DeviceFacts facts_;
    Log& log_;
    const std::unique_ptr<Drbd> drbd_ = make_drbd();
    const std::unique_ptr<DeviceMapper> dm_ = make_device_mapper();
    State ended_ = State::unprotected;
    std::optional<uint64_t> written_kib_;  // by the guest, until the last check
    const bool settles_;  // before the other host keeps the disk's state
    BlockActivity settled_{};
    std::string says_ = "not looked at yet";
};

Status OriginalDisk::check()
{
    const auto volume = drbd_->find(facts_.disk.resource, facts_.disk.volume);
    if (!volume) {
        return volume.error();
    }
    const auto before = std::exchange(written_kib_, volume->written_kib);
    uint64_t out_of_sync = 0;
    for (const auto& peer : volume->peers) {
        out_of_sync += peer.out_of_sync_kib;
    }
    says_ = "replicated by DRBD's resource " + facts_.disk.resource + ", " +
            std::to_string(out_of_sync) + " KiB out of sync; " +
            std::to_string(volume->written_kib -
                           before.value_or(volume->written_kib)) +
            " KiB written since the checkpoint before";
    return check_in_step(*volume);
}

// What was under way when the guest was suspended may be in the other host's
// state or not. For a comparison it must be in it: all that the backend has got
// has to be done before that is kept.
Status OriginalDisk::settle()
{
    if (!settles_) {
        return {};
    }
    const auto volume = drbd_->find(facts_.disk.resource, facts_.disk.volume);
    if (!volume) {
        return volume.error();
    }
    const auto deadline = std::chrono::steady_clock::now() + until_settled;
    auto quiet_since = std::chrono::steady_clock::now();
    for (;;) {
        const auto activity = block_activity(device_of(*volume));
        if (!activity) {
            return activity.error();
        }
        const auto now = std::chrono::steady_clock::now();
        if (activity->under_way > 0 || *activity != settled_) {
            quiet_since = now;
        }
        settled_ = *activity;
        if (now - quiet_since >= quiet_for || now > deadline) {
            return {};
        }
        std::this_thread::sleep_for(quiet_for / 10);
    }
}

Result<std::unique_ptr<DeviceContents>> OriginalDisk::contents()
{
    const auto volume = drbd_->find(facts_.disk.resource, facts_.disk.volume);
    if (!volume) {
        return volume.error();
    }
    const auto activity = block_activity(device_of(*volume));
    if (!activity) {
        return activity.error();
    }
    if (*activity != settled_ || settled_.under_way > 0) {
        log_.notice("disk " + facts_.name + " is not compared this time: what "
                    "the guest had begun to write was not done when it stood");
        return std::unique_ptr<DeviceContents>();
    }
    return open_contents("/dev/drbd" + std::to_string(volume->minor));
}

// The guest's writes would wait until DRBD has noticed, too: its own limit may
// be longer. It connects again when the other host is back.
void OriginalDisk::other_is_lost()
{
    const std::string& resource = facts_.disk.resource;
    const Status cut = drbd_->disconnect(resource);
    report(cut ? drbd_->connect(resource, false) : cut);
}

// The guest is the other host's, as it has said, or the witness: what was
// written here since is void, and its disk is the one to follow.
void OriginalDisk::tear_down()
{
    if (ended_ != State::ended) {
        return;
    }
    const auto volume = drbd_->find(facts_.disk.resource, facts_.disk.volume);
    if (!volume) {
        report(volume.error());
        return;
    }
    if (volume->role == "Primary") {
        // Here since it was taken over: nothing needs that any more.
        const auto name = dm_name_of(volume->resource, volume->volume);
        const auto layer = name ? dm_->table(*name) : name.error();
        if (layer && *layer) {
            report(dm_->remove(*name));
        }
        report(demote());
    }
    if (!is_connected(*volume)) {
        (void)drbd_->disconnect(facts_.disk.resource);
        report(drbd_->connect(facts_.disk.resource, true));
    }
}

Status OriginalDisk::demote()
{
    const auto deadline = std::chrono::steady_clock::now() + until_closed;
    for (;;) {
        const Status demoted = drbd_->demote(facts_.disk.resource);
        if (demoted || std::chrono::steady_clock::now() > deadline) {
            return demoted;
        }
        std::this_thread::sleep_for(look_again);
    }
}

// ---- the copy's ------------------------------------------------------------

class CopysDisk : public CheckpointDevice {
public:
    enum class Begin { anew, with_what_is_left };

    CopysDisk(DeviceFacts facts, const DeviceContext& context, Begin begin)
        : facts_(std::move(facts)),
          log_(context.log),
          ask_(context.ask_for_checkpoint),
          store_(context.disk_store),
          nth_(context.nth),
          of_(context.of),
          begin_(begin)
    {
    }

    Status prepare(DiskPaths& instead) override;
    Status set_up(Domain&) override { return commit(); }
    Status other_stands(CheckpointNumber) override;
    Status committed(CheckpointNumber) override { return commit(); }
    Status may_run(CheckpointNumber) override;
    bool has_contents() const override { return true; }
    Result<std::unique_ptr<DeviceContents>> contents() override
    {
        return open_contents(path_of_dm(disk_->copy()));
    }
    void take_over() override { took_over_ = true; }
    void protection_ended(State how) override { ended_ = how; }
    void tear_down() override;
    DeviceStatus status() const override;

private:
    Result<KeptDiskPlace> place();
    Status find_store();
    Result<std::unique_ptr<CowStore>> make_store(size_t i,
                                                 const std::string& name,
                                                 Bytes size);
    Status commit();
    Status promote();
    void watch_store(const std::stop_token& stop);
    void finish(const std::stop_token& stop);
    void connect_until_heard(const std::stop_token& stop);
    void say(const std::string& what)
    {
        says_ = what;
    }
    void report(const Status& s) const
    {
        if (!s) {
            log_.warn("disk " + facts_.name + ": " + s.error().text());
        }
    }

    const DeviceFacts facts_;
    Log& log_;
    const std::function<void(const std::string&)> ask_;
    const DiskStore store_;
    const size_t nth_, of_;
    StoreDevice store_device_;           // if there is one
    std::array<StorePart, 2> shares_{};  // of that, this disk's
    const std::unique_ptr<DeviceMapper> dm_ = make_device_mapper();
    const std::unique_ptr<Drbd> drbd_ = make_drbd();
    const Begin begin_;
    bool promoted_ = false, took_over_ = false;
    State ended_ = State::ended;

    mutable std::mutex mutex_;  // for all that follows
    std::optional<KeptDisk> disk_;
    std::string says_ = "not there yet";
    bool asked_ = false;  // for a checkpoint, since the last one
    std::condition_variable_any changed_;
    // Looks after the store, then after the merge. Ends first.
    std::jthread watch_;
};

Result<KeptDiskPlace> CopysDisk::place()
{
    const auto volume = drbd_->find(facts_.disk.resource, facts_.disk.volume);
    if (!volume) {
        return volume.error();
    }
    if (begin_ == Begin::anew) {
        if (auto s = check_in_step(*volume); !s) {
            return s.error();
        }
    }
    const auto name = dm_name_of(volume->resource, volume->volume);
    const auto lower = lower_of(*volume, *dm_, *drbd_);
    const auto size = size_of(*volume);
    if (!name || !lower || !size) {
        return !name ? name.error() : !lower ? lower.error() : size.error();
    }
    if (auto s = find_store(); !s) {
        return s.error();
    }
    const auto store = store_for(store_, shares_[0], *size);
    if (!store) {
        return store.error();
    }
    return KeptDiskPlace{*name, *lower, device_of(*volume), *size, *store};
}

Status CopysDisk::find_store()
{
    if (store_.kind != DiskStore::Kind::device) {
        return {};
    }
    const auto device = find_store_device(store_.device);
    if (!device) {
        return device.error();
    }
    store_device_ = *device;
    for (size_t i = 0; i < shares_.size(); ++i) {
        const auto share =
            store_part(*device, 2 * nth_ + i, 2 * of_);
        if (!share) {
            return share.error();
        }
        shares_[i] = *share;
    }
    return {};
}

Result<std::unique_ptr<CowStore>> CopysDisk::make_store(
    size_t i, const std::string& name, Bytes size)
{
    if (store_.kind != DiskStore::Kind::device) {
        return make_plain_store(store_.kind, size);
    }
    return make_device_store(store_device_,
                             {shares_[i].start, size.value() / 512}, name,
                             *dm_);
}

Status CopysDisk::prepare(DiskPaths& instead)
{
    const auto its_place = place();
    if (!its_place) {
        return its_place.error();
    }
    const std::lock_guard lock(mutex_);
    disk_.emplace(*dm_, *its_place,
                  [this](size_t i, const std::string& name, Bytes size) {
                      return make_store(i, name, size);
                  });
    if (auto s = begin_ == Begin::anew ? disk_->build() : disk_->adopt(); !s) {
        disk_.reset();
        return s;
    }
    if (begin_ == Begin::with_what_is_left) {
        return {};
    }
    instead[facts_.name] = path_of_dm(disk_->copy());
    watch_ = std::jthread(
        [this](const std::stop_token& stop) { watch_store(stop); });
    return {};
}

Status CopysDisk::other_stands(CheckpointNumber)
{
    const std::lock_guard lock(mutex_);
    return disk_ ? disk_->keep()
                 : Status(Error(ErrorKind::protocol, "STANDS out of turn"));
}

Status CopysDisk::commit()
{
    const std::lock_guard lock(mutex_);
    asked_ = false;
    return disk_->commit();
}

// Half full: a checkpoint begins a new one. Full: protection ends, when the
// next checkpoint finds it so.
void CopysDisk::watch_store(const std::stop_token& stop)
{
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        const auto fill = disk_->fill();
        if (fill && fill->overflown) {
            say("its snapshot's store was full");
        } else if (fill && fill->size > 0) {
            say("kept as of the last checkpoint: " + in_kib(fill->used) +
                " of " + in_kib(fill->size) + " used for it");
        }
        const bool is_half_full =
            fill && (fill->overflown || fill->used > fill->size / 2);
        if (is_half_full && !std::exchange(asked_, true)) {
            ask_("disk " + facts_.name + "'s store is half full");
        }
        changed_.wait_for(lock, stop, look_again, [] { return false; });
    }
}

// The other host is not to hear any more of what is written here, and cannot
// write here any more.
Status CopysDisk::promote()
{
    const std::string& resource = facts_.disk.resource;
    const auto volume = drbd_->find(resource, facts_.disk.volume);
    if (!volume) {
        return volume.error();
    }
    if (volume->role == "Primary") {
        return {};
    }
    if (!stands_alone(*volume)) {
        if (auto s = drbd_->disconnect(resource); !s) {
            return s;
        }
    }
    promoted_ = true;
    return drbd_->promote(resource);
}

// The copy goes on, for the first time: it is the guest from here on.
Status CopysDisk::may_run(CheckpointNumber)
{
    if (!disk_) {
        return refused("there is no state of it here");
    }
    if (auto s = promote(); !s) {
        return s;
    }
    watch_ = {};
    const std::lock_guard lock(mutex_);
    if (auto s = disk_->begin_merge(); !s) {
        return s;
    }
    // QEMU may have read from it before that state.
    const UniqueFd device(open(path_of_dm(disk_->copy()).c_str(),
                               O_RDONLY | O_CLOEXEC));
    if (device) {
        (void)ioctl(device.get(), BLKFLSBUF);
    }
    say("being merged into DRBD's resource " + facts_.disk.resource);
    return {};
}

void CopysDisk::tear_down()
{
    watch_ = {};
    {
        const std::lock_guard lock(mutex_);
        if (!disk_ || ended_ == State::held) {
            return;
        }
        if (!took_over_) {
            report(disk_->take_away());
            disk_.reset();
        }
    }
    if (took_over_) {
        // That may take a while, and the guest needs nobody to wait for it.
        watch_ = std::jthread(
            [this](const std::stop_token& stop) { finish(stop); });
    } else if (promoted_) {
        // A primary that has its guest back, because the copy did not run.
        report(drbd_->demote(facts_.disk.resource));
        report(drbd_->connect(facts_.disk.resource, true));
    }
}

void CopysDisk::finish(const std::stop_token& stop)
{
    std::unique_lock lock(mutex_);
    for (;;) {
        const auto merged = disk_->is_merged();
        if (!merged) {
            log_.error("disk " + facts_.name +
                       " cannot be merged: " + merged.error().text());
            return;
        }
        if (*merged) {
            break;
        }
        changed_.wait_for(lock, stop, look_again, [] { return false; });
        if (stop.stop_requested()) {
            log_.warn("disk " + facts_.name + ": \"dmsetup status " +
                      disk_->copy() + "\" shows how far it is merged");
            return;
        }
    }
    const Status done = disk_->finish_merge();
    report(done);
    say("on DRBD's resource " + facts_.disk.resource);
    lock.unlock();
    if (done) {
        log_.notice("disk " + facts_.name + " is merged, and DRBD's resource " +
                    facts_.disk.resource + " waits for the other host");
    }
    connect_until_heard(stop);
}

// The other host, when it is back, gets what has changed. It may have the guest
// yet, to destroy it, and be Primary: then DRBD takes both for a split brain,
// and connects neither until they try again. Nothing here is ever discarded.
void CopysDisk::connect_until_heard(const std::stop_token& stop)
{
    const std::string& resource = facts_.disk.resource;
    report(drbd_->connect(resource, false));
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::chrono::seconds pause = connect_again;
    while (!changed_.wait_for(lock, stop, pause, [] { return false; }) &&
           !stop.stop_requested()) {
        const auto volume = drbd_->find(resource, facts_.disk.volume);
        if (!volume) {
            report(volume.error());
            return;
        }
        if (is_connected(*volume)) {
            return;
        }
        if (stands_alone(*volume)) {
            log_.warn("disk " + facts_.name + ": DRBD's resource " + resource +
                      " stands alone, as the other host's has been written to, "
                      "too; it is told to connect once more");
            report(drbd_->connect(resource, false));
        }
        pause = std::min<std::chrono::seconds>(2 * pause,
                                               connect_again_at_most);
    }
}

DeviceStatus CopysDisk::status() const
{
    const std::lock_guard lock(mutex_);
    return {facts_.name, "disk", says_};
}

// ---- the kind --------------------------------------------------------------

class ReplicatedDiskKind : public DeviceKind {
public:
    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::disk && device.writable;
    }

    // The facts may be a peer's: of these, only the resource counts.
    Status check(const std::vector<DeviceFacts>& mine) const override
    {
        for (const DeviceFacts& disk : mine) {
            if (disk.disk.elsewhere) {
                return with(disk, "whose backend is in another domain than "
                                  "domain 0: detach it");
            }
            if (disk.disk.resource.empty()) {
                return with(disk, "that it can write to, " +
                                      (disk.disk.path.empty()
                                           ? ""
                                           : disk.disk.path + ", ") +
                                      "which is not replicated: put it on DRBD "
                                      "(phy:/dev/drbd0), or detach it");
            }
            if (auto name = dm_name_of(disk.disk.resource, disk.disk.volume);
                !name) {
                return name.error();
            }
        }
        return {};
    }

    Status check_host(const std::vector<DeviceFacts>& mine) const override
    {
        const auto drbd = make_drbd();
        for (const DeviceFacts& disk : mine) {
            const auto volume =
                drbd->find(disk.disk.resource, disk.disk.volume);
            if (!volume) {
                return volume.error();
            }
            if (auto s = check_in_step(*volume); !s) {
                return with(disk, "that is not replicated: " +
                                      s.error().text());
            }
            const auto protocol = drbd->protocol(disk.disk.resource);
            if (!protocol) {
                return protocol.error();
            }
            if (*protocol != 'C') {
                return with(disk, std::string("on the DRBD resource ") +
                                      disk.disk.resource +
                                      ", which uses protocol " + *protocol +
                                      ": only with protocol C the other host "
                                      "has what the guest was told is "
                                      "written");
            }
            // A host that has the guest may have the copy later.
            const auto dm = make_device_mapper();
            if (auto lower = lower_of(*volume, *dm, *drbd); !lower) {
                return lower.error();
            }
        }
        return {};
    }

    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& device, const DeviceContext& context) const override
    {
        if (context.role == Role::primary) {
            return std::make_unique<OriginalDisk>(device, context);
        }
        return std::make_unique<CopysDisk>(device, context,
                                           CopysDisk::Begin::anew);
    }
};

}  // namespace

Status find_resources(std::vector<DeviceFacts>& devices)
{
    std::unique_ptr<DeviceMapper> dm;
    std::unique_ptr<Drbd> drbd;
    for (DeviceFacts& device : devices) {
        if (device.type != DeviceType::disk || !device.writable ||
            device.disk.elsewhere || !device.disk.block_device) {
            continue;
        }
        if (!dm) {
            dm = make_device_mapper();
            drbd = make_drbd();
        }
        const auto volume = volume_of(device.disk, *dm, *drbd);
        if (!volume) {
            return volume.error().with_context("disk " + device.name);
        }
        if (*volume) {
            device.disk.resource = (*volume)->resource;
            device.disk.volume = (*volume)->volume;
        }
    }
    return {};
}

DeviceSet adopt_disks(Role role, std::vector<DeviceFacts> devices, Log& log)
{
    DeviceSet disks;
    const DeviceContext context{role, log, [](const std::string&) {}, {},
                                {}};
    if (role == Role::primary) {
        if (auto s = find_resources(devices); !s) {
            log.warn(s.error().text());
        }
    }
    for (DeviceFacts& device : devices) {
        if (device.type != DeviceType::disk || !device.writable) {
            continue;
        }
        if (role == Role::primary && !device.disk.resource.empty()) {
            disks.add(device.name,
                      std::make_unique<OriginalDisk>(device, context));
        }
        const auto volume = role == Role::secondary
                                ? volume_in(device.disk.path)
                                : std::nullopt;
        if (volume) {
            device.disk.resource = volume->resource;
            device.disk.volume = volume->volume;
            disks.add(device.name, std::make_unique<CopysDisk>(
                                       device, context,
                                       CopysDisk::Begin::with_what_is_left));
        }
    }
    DiskPaths none;
    if (auto s = disks.prepare(none); !s) {
        log.error(s.error().text());
    }
    // Until somebody knows.
    disks.protection_ended(State::held);
    return disks;
}

const DeviceKind& replicated_disk_kind()
{
    static const ReplicatedDiskKind kind;
    return kind;
}

}  // namespace xl_colo
