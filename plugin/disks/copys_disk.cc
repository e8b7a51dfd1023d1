#include "disks/copys_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "devices/disk_driver.h"
#include "disks/block_contents.h"
#include "disks/disk_stores.h"
#include "disks/kept_disk.h"
#include "disks/replica_record.h"
#include "disks/resources.h"

namespace xl_colo {

namespace {

using namespace std::chrono_literals;

constexpr auto look_again = 200ms;
// One discard may take that long; the guest waits for it, too.
constexpr auto until_discarded = 20s;
// Each attempt may run the admin's handler for a split brain.
constexpr auto connect_again = 5s;
constexpr auto connect_again_at_most = 5min;

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

std::string in_kib(Sectors sectors)
{
    return std::to_string(sectors / 2) + " KiB";
}

class CopysDisk : public CheckpointDevice {
public:
    CopysDisk(DeviceFacts facts, const DeviceContext& context,
              CopysDiskBegin begin)
        : facts_(std::move(facts)),
          log_(context.log),
          ask_(context.ask_for_checkpoint),
          stores_(context.disk_store, context.nth, context.of, *dm_),
          origin_first_(context.left_out.contains(without_first_snapshot)),
          begin_(begin),
          driver_(facts_.name)
    {
    }

    Status prepare(DiskPaths& instead) override;
    Status set_up(Domain& domain) override;
    Status guest_stands(CheckpointNumber) override
    {
        return driver_.guest_stands();
    }
    Status other_stands(CheckpointNumber) override;
    Status committed(CheckpointNumber) override;
    Status may_run(CheckpointNumber) override { return driver_.may_run(); }
    Status may_take_over() override;
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
    Status stop_discards();
    void allow_discards();
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
    const std::unique_ptr<DeviceMapper> dm_ = make_device_mapper();
    DiskStores stores_;
    const std::unique_ptr<Drbd> drbd_ = make_drbd();
    const bool origin_first_;
    const CopysDiskBegin begin_;
    DiskDriver driver_;
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
    if (begin_ == CopysDiskBegin::anew) {
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
    if (auto s = stores_.find(); !s) {
        return s.error();
    }
    const auto store = stores_.size_for(*size);
    if (!store) {
        return store.error();
    }
    return KeptDiskPlace{*name, *lower, device_of(*volume), *size, *store,
                         origin_first_};
}

// An origin takes no discards. One that waits while the lower device becomes
// that would be dropped afterwards, and DRBD told that it is done; and if it is
// one of several parts, the next fails, and DRBD gives up the disk. So DRBD
// writes zeros instead, from before that moment until the origin is gone.
Status CopysDisk::stop_discards()
{
    const auto volume = drbd_->find(facts_.disk.resource, facts_.disk.volume);
    if (!volume) {
        return volume.error();
    }
    if (auto s = drbd_->zero_what_is_discarded(*volume); !s) {
        return s;
    }
    // While DRBD discards it does nothing else for its peer, and it has waited
    // for all that it had begun before. So what it does next is the first sign
    // of its being done.
    const auto deadline = std::chrono::steady_clock::now() + until_discarded;
    std::optional<uint64_t> written;
    for (;;) {
        const auto now = drbd_->find(facts_.disk.resource, facts_.disk.volume);
        if (!now) {
            return now.error();
        }
        const bool is_idle = std::ranges::all_of(
            now->peers, [](const auto& peer) { return peer.unacked == 0; });
        if (is_idle || now->written_kib != written.value_or(now->written_kib)) {
            return {};
        }
        written = now->written_kib;
        if (std::chrono::steady_clock::now() > deadline) {
            return Error(ErrorKind::timeout,
                         "DRBD's resource " + facts_.disk.resource +
                             " does not come to an end of what the guest has "
                             "discarded");
        }
        std::this_thread::sleep_for(look_again);
    }
}

void CopysDisk::allow_discards()
{
    const auto volume = drbd_->find(facts_.disk.resource, facts_.disk.volume);
    // One without a disk gets the admin's options with the next one.
    if (volume && volume->disk != "Diskless") {
        report(drbd_->discard_as_configured(*volume));
    }
}

Status CopysDisk::prepare(DiskPaths& instead)
{
    const auto its_place = place();
    if (!its_place) {
        return its_place.error();
    }
    if (begin_ == CopysDiskBegin::anew) {
        if (auto s = stop_discards(); !s) {
            allow_discards();
            return s;
        }
    }
    const std::lock_guard lock(mutex_);
    disk_.emplace(*dm_, *its_place,
                  [this](size_t i, const std::string& name, Bytes size) {
                      return stores_.make(i, name, size);
                  });
    const Status there = begin_ == CopysDiskBegin::anew ? disk_->build()
                                                        : disk_->adopt();
    if (!there) {
        disk_.reset();
        if (begin_ == CopysDiskBegin::anew) {
            allow_discards();
        }
        return there;
    }
    if (begin_ == CopysDiskBegin::with_what_is_left) {
        return {};
    }
    // Both hosts have the same: place() has asked.
    report(note_replica(facts_.disk.resource, true, false));
    instead[facts_.name] = path_of_dm(disk_->copy());
    watch_ = std::jthread(
        [this](const std::stop_token& stop) { watch_store(stop); });
    return {};
}

Status CopysDisk::set_up(Domain& domain)
{
    driver_.set_up(domain);
    return begin_ == CopysDiskBegin::anew ? commit() : Status();
}

Status CopysDisk::committed(CheckpointNumber)
{
    if (auto s = driver_.committed(); !s) {
        return s;
    }
    return commit();
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
    if (auto s = disk_->commit(); !s) {
        return s;
    }
    // QEMU's reads and writes of an emulated disk go through the page cache. It
    // has written what it had when the copy was stopped; what is there is of
    // another disk now.
    const UniqueFd device(open(path_of_dm(disk_->copy()).c_str(),
                               O_RDONLY | O_CLOEXEC));
    if (device) {
        (void)ioctl(device.get(), BLKFLSBUF);
    }
    return {};
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
    report(note_replica(resource, true, true));
    report(drbd_->send_copies());
    return drbd_->promote(resource);
}

// It may be running, on the snapshot.
Status CopysDisk::may_take_over()
{
    if (!disk_) {
        return refused("there is no state of it here");
    }
    if (auto s = promote(); !s) {
        return s;
    }
    watch_ = {};
    const std::lock_guard lock(mutex_);
    report(note_replica(facts_.disk.resource, false, true));
    if (auto s = disk_->begin_merge(); !s) {
        return s;
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
            allow_discards();
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
    if (done) {
        allow_discards();
        report(note_replica(facts_.disk.resource, true, true));
    }
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

}  // namespace

std::unique_ptr<CheckpointDevice> make_copys_disk(DeviceFacts facts,
                                                  const DeviceContext& context,
                                                  CopysDiskBegin begin)
{
    return std::make_unique<CopysDisk>(std::move(facts), context, begin);
}

}  // namespace xl_colo
