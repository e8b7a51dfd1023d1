#include "disks/original_disk.h"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "disks/block_contents.h"
#include "disks/block_devices.h"
#include "disks/replica_record.h"
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

class OriginalDisk : public CheckpointDevice {
public:
    OriginalDisk(DeviceFacts facts, const DeviceContext& context)
        : facts_(std::move(facts)),
          log_(context.log),
          settles_(context.verify_contents)
    {
    }

    Status set_up(Domain&) override
    {
        report(drbd_->send_copies());
        const Status s = check();
        if (s) {
            report(note_replica(facts_.disk.resource, true, false));
        }
        return s;
    }
    Status guest_stands(CheckpointNumber) override { return settle(); }
    bool has_contents() const override { return true; }
    Result<std::unique_ptr<DeviceContents>> contents() override;
    bool is_kept_by_other() const override { return true; }
    Status may_commit(CheckpointNumber) override { return check(); }
    void other_is_lost() override;
    void protection_ended(State how) override
    {
        ended_ = how;
        if (how == State::unprotected) {
            report(note_replica(facts_.disk.resource, true, true));
        }
    }
    void tear_down() override;
    DeviceStatus status() const override
    {
        return {facts_.name, "disk", says_};
    }

private:
    Status check();
    Status settle();
    void close_plain_disk(const DrbdVolume& volume);
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
    if (auto s = check_in_step(*volume); !s) {
        return s;
    }
    return check_served_by(*volume, facts_.disk, *dm_);
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
    // Before the guest writes what nobody else has.
    report(note_replica(resource, true, true));
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
        close_plain_disk(*volume);
        // Here since it was taken over: nothing needs that any more.
        const auto name = dm_name_of(volume->resource, volume->volume);
        const auto layer = name ? dm_->table(*name) : name.error();
        if (layer && *layer) {
            report(dm_->remove(*name));
        }
        report(demote());
    }
    report(note_replica(facts_.disk.resource, false, false));
    if (!is_connected(*volume)) {
        (void)drbd_->disconnect(facts_.disk.resource);
        report(drbd_->connect(facts_.disk.resource, true));
    }
}

// A plain disk beneath which DRBD was put: what it would serve is void, and
// DRBD is not to be held open by it.
void OriginalDisk::close_plain_disk(const DrbdVolume& volume)
{
    const auto device = block_device_at(facts_.disk.path);
    const auto name = device ? dm_->name_of(*device)
                             : Result<std::optional<std::string>>(std::nullopt);
    if (!name || !*name || volume_in(path_of_dm(**name))) {
        return;
    }
    const auto table = dm_->table(**name);
    if (table && *table && minor_beneath(**table) == volume.minor) {
        report(dm_->replace(**name,
                            {{0, (*table)->front().length, "error", ""}}));
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

}  // namespace

std::unique_ptr<CheckpointDevice> make_original_disk(
    DeviceFacts facts, const DeviceContext& context)
{
    return std::make_unique<OriginalDisk>(std::move(facts), context);
}

}  // namespace xl_colo
