#include "replication/replica.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/domain_files.h"
#include "base/errors.h"
#include "base/hex.h"
#include "base/keyed_hash.h"
#include "disks/block_contents.h"
#include "disks/block_devices.h"
#include "disks/loop_device.h"
#include "disks/resources.h"
#include "replication/resource_file.h"

namespace xl_colo {

namespace {

using namespace std::chrono_literals;

constexpr auto look_again = 200ms;
// Beyond those that admins give by hand.
constexpr unsigned first_minor = 1000;
constexpr size_t head_size = 1 << 20;

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

std::string plain_name(const std::string& resource)
{
    return "xl-colo-" + resource + "-plain";
}

std::string metadata_path(const std::string& resource)
{
    return state_folder() + "/" + domain_file_name(resource) + ".drbd";
}

// A bit for each 4 KiB of the disk, and DRBD's superblock and activity log;
// with room for what later versions may want.
Bytes metadata_size(Sectors sectors)
{
    return Bytes{(sectors / 64 + (2 << 20)) / 4096 * 4096};
}

// By which a disk is known again that was left.
Result<Buffer> head_of(const std::string& path)
{
    auto contents = open_contents(path);
    if (!contents) {
        return contents.error();
    }
    Buffer head(std::min<size_t>(head_size, (*contents)->size().value()));
    const Status s = (*contents)->read(0, head);
    return s ? Result<Buffer>(std::move(head)) : s.error();
}

std::string digest_of(const Buffer& head)
{
    const Buffer key(32);
    const auto digest = KeyedHash(key)(head);
    return to_hex(digest);
}

// What a disk that is left is known by: how it begins, and that nobody has
// written to it, which the kernel counts until the host goes down.
std::string state_of(const Buffer& head, const std::string& number)
{
    std::string boot;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
    const auto activity = block_activity(number);
    return activity ? digest_of(head) + " " + boot + " " +
                          std::to_string(activity->changes)
                    : "";
}

Result<LoopDevice> make_metadata(const std::string& resource, Sectors sectors)
{
    if (auto s = make_private_folder(state_folder()); !s) {
        return s.error();
    }
    const std::string path = metadata_path(resource);
    const UniqueFd file(
        open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file ||
        ftruncate(file.get(), static_cast<off_t>(
                                  metadata_size(sectors).value())) != 0) {
        return io_error("cannot make " + path, errno);
    }
    return make_loop_device(file.get());
}

Sectors length_of(const DmTable& table)
{
    return table.empty() ? 0 : table.back().start + table.back().length;
}

// No longer than `other`: the plain disk may be larger than what DRBD made of
// it with the other host's.
DmTable cut_to(DmTable table, const DmTable& other)
{
    const Sectors end = length_of(other);
    std::erase_if(table, [&](const DmTarget& target) {
        return target.start >= end;
    });
    if (!table.empty() && length_of(table) > end) {
        table.back().length = end - table.back().start;
    }
    return table;
}

// Of all that bring a resource up here: what one has written, and is not up
// yet, the other would take for a file of before this host went down. As long
// as the descriptor is open.
Result<UniqueFd> one_at_a_time()
{
    if (auto s = make_private_folder(state_folder()); !s) {
        return s.error();
    }
    const std::string path = state_folder() + "/replicas.lock";
    UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock || flock(lock.get(), LOCK_EX) != 0) {
        return io_error("cannot lock " + path, errno);
    }
    return lock;
}

// Nobody is served by it: what is read or written there fails.
bool is_closed(const DmTable& table)
{
    return table.size() == 1 && table.front().type == "error";
}

}  // namespace

Result<std::string> replica_name(const std::string& guest,
                                 const std::string& disk)
{
    std::string name = guest + "-" + disk;
    if (auto device = dm_name_of(name, 0); !device) {
        return refused("cannot be put on DRBD, as the guest's name has other "
                       "characters than letters, digits, \".\", \"_\" and "
                       "\"-\", or too many: \"xl rename\" it, or have the disk "
                       "on a resource of your own");
    }
    return name;
}

// ---- tables -----------------------------------------------------------------

Result<std::string> ReplicaHost::dm_name(const std::string& path)
{
    const auto device = block_device_at(path);
    if (!device) {
        return refused("there is no block device " + path + " here");
    }
    const auto name = dm_.name_of(*device);
    if (!name) {
        return name.error();
    }
    if (!*name) {
        return refused(path + " is no volume of LVM's here, nor another device "
                       "of device-mapper's");
    }
    return **name;
}

Result<DmTable> ReplicaHost::table_of(const std::string& name)
{
    const auto table = dm_.table(name);
    if (!table) {
        return table.error();
    }
    if (!*table || (*table)->empty()) {
        return refused("there is no device " + path_of_dm(name) + " here");
    }
    return **table;
}

Result<Sectors> ReplicaHost::size_of_table(const std::string& name)
{
    const auto table = table_of(name);
    if (!table) {
        return table.error();
    }
    return length_of(*table);
}

Result<std::optional<std::string>> ReplicaHost::plain_disk(
    const std::string& path)
{
    const auto device = block_device_at(path);
    const auto name = device ? dm_.name_of(*device)
                             : Result<std::optional<std::string>>(std::nullopt);
    if (!name || !*name) {
        return name;
    }
    if (!volume_in(path_of_dm(**name))) {
        return std::optional<std::string>(path);
    }
    const auto table = table_of(**name);
    if (!table) {
        return table.error();
    }
    unsigned major = 0, minor = 0;
    char colon = 0;
    std::istringstream words(table->front().parameters);
    if (table->size() != 1 || table->front().type != "linear" ||
        !(words >> major >> colon >> minor)) {
        return std::optional<std::string>();
    }
    const auto beneath = dm_.name_of(makedev(major, minor));
    if (!beneath || !*beneath) {
        return beneath;
    }
    return std::optional<std::string>(path_of_dm(**beneath));
}

// ---- DRBD -------------------------------------------------------------------

Result<std::optional<DrbdVolume>> ReplicaHost::up_volume(
    const std::string& resource)
{
    const auto all = drbd_.volumes();
    if (!all) {
        return all.error();
    }
    const auto its = std::ranges::find(*all, resource, &DrbdVolume::resource);
    return its == all->end() ? std::optional<DrbdVolume>()
                             : std::optional(*its);
}

Status ReplicaHost::bring_up(const ReplicaRecord& record,
                             const std::string& lower, Sectors sectors,
                             const Route& route)
{
    const auto alone = one_at_a_time();
    if (!alone) {
        return alone.error();
    }
    const auto all = drbd_.volumes();
    if (!all) {
        return all.error();
    }
    unsigned minor = first_minor;
    std::vector<std::string> up;
    for (const DrbdVolume& one : *all) {
        minor = std::max(minor, one.minor + 1);
        up.push_back(one.resource);
    }
    // Of before this host went down: drbdadm takes none of two with the same
    // port, nor any other resource then.
    keep_resource_files(up);
    if (is_configured(route.port)) {
        return refused("port " + std::to_string(route.port) +
                       ", which DRBD was to have, has been taken meanwhile: "
                       "start again");
    }
    const auto metadata = make_metadata(record.resource, sectors);
    if (!metadata) {
        return metadata.error();
    }
    Status s = write_resource_file(
        {record.resource, minor, lower, metadata->path, route});
    if (s) {
        s = drbd_.create_metadata(record.resource);
    }
    if (s) {
        s = drbd_.up(record.resource);
    }
    if (!s) {
        (void)bring_down(record.resource);
    }
    return s;
}

// Removes all that there may be of it.
Status ReplicaHost::bring_down(const std::string& resource)
{
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    for (;;) {
        const auto volume = up_volume(resource);
        if (!volume) {
            return volume.error();
        }
        if (!*volume) {
            break;
        }
        const Status down = drbd_.down(resource);
        if (!down && std::chrono::steady_clock::now() > deadline) {
            return down;
        }
        if (!down) {
            std::this_thread::sleep_for(look_again);
        }
    }
    remove_resource_file(resource);
    (void)unlink(metadata_path(resource).c_str());
    return {};
}

// ---- where the guest is -----------------------------------------------------

Status ReplicaHost::put_in(const ReplicaRecord& record, const Route& route)
{
    const auto name = dm_name(record.device);
    const auto size = name ? size_of_table(*name) : name.error();
    const auto table = name ? table_of(*name) : name.error();
    const auto taken_over = dm_name_of(record.resource, 0);
    if (!size || !table || !taken_over) {
        return !size ? size.error()
                     : !table ? table.error() : taken_over.error();
    }
    if (auto s = check_may_stand_twice(*name, *table); !s) {
        return s;
    }
    const std::string plain = plain_name(record.resource);
    if (auto left = dm_.table(plain); !left || *left) {
        return !left ? left.error()
                     : refused("there is a device " + path_of_dm(plain) +
                               " of an earlier time: \"xl-colo-replicate off " +
                               record.guest + "\", or remove it");
    }
    const auto before = record_of(record.resource);
    if (before && before->in_use && !before->is_whole) {
        return refused(record.device + " holds no state of the disk: it was "
                       "being copied from the other host, or merged, when this "
                       "one went down; the other one has the disk");
    }
    // First, so that whoever is killed from here on leaves what "off" undoes.
    ReplicaRecord used = record;
    used.in_use = used.is_whole = used.is_alone = true;
    if (auto s = save(used); !s) {
        return s;
    }
    const auto undone = [&](const Error& why) -> Status {
        (void)put_back(record);
        return why;
    };
    if (auto s = dm_.create(plain, *table); !s) {
        forget(record.resource);
        return s;
    }
    if (auto s = bring_up(record, path_of_dm(plain), *size, route); !s) {
        return undone(s.error());
    }
    if (auto s = drbd_.promote_first(record.resource); !s) {
        return undone(s.error());
    }
    const auto volume = drbd_.find(record.resource, 0);
    const auto its_size = volume ? size_of(*volume) : volume.error();
    if (!its_size) {
        return undone(its_size.error());
    }
    if (*its_size != *size) {
        return undone(refused("DRBD made a disk of " +
                              std::to_string(*its_size) + " sectors of one " +
                              "of " + std::to_string(*size)));
    }
    // Until here what the guest writes goes past DRBD, which nobody reads.
    for (const std::string& user : {*name, *taken_over}) {
        const auto there = dm_.table(user);
        if (there && *there) {
            if (auto s = dm_.replace(user, table_on(*volume, *size)); !s) {
                return undone(s.error());
            }
        }
    }
    return {};
}

// The guest's disk is the plain one again, and DRBD gone.
Status ReplicaHost::put_back(const ReplicaRecord& record)
{
    const auto name = dm_name(record.device);
    const auto taken_over = dm_name_of(record.resource, 0);
    if (!name || !taken_over) {
        return !name ? name.error() : taken_over.error();
    }
    const std::string plain = plain_name(record.resource);
    const auto was = dm_.table(plain);
    if (!was) {
        return was.error();
    }
    const auto table = *was ? **was : table_of(*name);
    if (!table) {
        return table.error();
    }
    for (const std::string& user : {*name, *taken_over}) {
        const auto there = dm_.table(user);
        if (!there || !*there || (user == *name && !*was)) {
            continue;
        }
        const bool is_ours = is_closed(**there) || minor_beneath(**there);
        if (is_ours) {
            if (auto s = dm_.replace(user, cut_to(*table, **there)); !s) {
                return s;
            }
        }
    }
    if (auto s = bring_down(record.resource); !s) {
        return s;
    }
    forget(record.resource);
    if (*was) {
        if (auto s = dm_.remove(plain); !s) {
            return s;
        }
    }
    // By which the plain disk is found again, and seen to be in use.
    if (const auto there = dm_.table(*taken_over); there && *there) {
        const auto number = dm_.device_of(*name);
        if (!number) {
            return number.error();
        }
        return dm_.replace(*taken_over, {{0, length_of(**there), "linear",
                                          *number + " 0"}});
    }
    return {};
}

Status ReplicaHost::check_no_copy(const ReplicaRecord& record)
{
    const auto copy = dm_name_of(record.resource, 0);
    if (!copy) {
        return copy.error();
    }
    for (const char* layer : {"-real", "-kept-0", "-kept-1"}) {
        const auto table = dm_.table(*copy + layer);
        if (!table || *table) {
            return !table ? table.error()
                          : refused(record.device + " is what a copy's disk is "
                                    "kept on here: wait until the guest's "
                                    "protection has ended, and all is merged");
        }
    }
    return {};
}

Result<bool> ReplicaHost::serves_guest(const std::string& resource)
{
    const auto volume = up_volume(resource);
    return volume ? Result<bool>(*volume && (*volume)->role == "Primary")
                  : volume.error();
}

Status ReplicaHost::take_out(const std::string& resource)
{
    const auto record = record_of(resource);
    if (!record || !record->in_use) {
        return refused("nothing here was put on DRBD as " + resource);
    }
    if (auto s = check_no_copy(*record); !s) {
        return s;
    }
    const auto volume = up_volume(resource);
    if (!volume) {
        return volume.error();
    }
    if (*volume && (*volume)->role != "Primary") {
        // But for one that was killed before the guest's writes came through.
        const auto plain = dm_.table(plain_name(resource));
        const auto name = dm_name(record->device);
        const auto table = name ? table_of(*name) : name.error();
        if (!plain || !table) {
            return !plain ? plain.error() : table.error();
        }
        if (!*plain || minor_beneath(*table) || is_closed(*table)) {
            return refused(record->device + " is the replica here: \"xl-colo-"
                           "replicate off " + record->guest +
                           "\" where the guest is");
        }
    } else if (*volume && (*volume)->disk != "UpToDate") {
        return refused(record->device + " lacks what the guest has written (" +
                       (*volume)->disk + "), which is served by the other "
                       "host's: \"drbdadm attach " + resource + "\", and wait "
                       "until it is UpToDate");
    }
    return put_back(*record);
}

// ---- the other one ----------------------------------------------------------

Status ReplicaHost::check(const ReplicaRecord& record, Sectors sectors)
{
    const auto before = record_of(record.resource);
    if (const auto volume = up_volume(record.resource); !volume) {
        return volume.error();
    } else if (*volume && (*volume)->disk != "Diskless") {
        return (*volume)->role == "Primary"
                   ? refused("DRBD's resource " + record.resource +
                             " is Primary here, too: has the guest run on both "
                             "hosts? Destroy the one that is wrong, and "
                             "\"xl-colo-replicate off " + record.guest +
                             "\" on its host")
                   : Status();
    }
    const auto name = dm_name(record.device);
    const auto size = name ? size_of_table(*name) : name.error();
    if (!size) {
        return size.error().kind() == ErrorKind::refused
                   ? refused(size.error().text() + ": it must have a volume of "
                             "that name, of " + std::to_string(sectors) +
                             " sectors or more (lvcreate)")
                   : size.error();
    }
    const auto table = table_of(*name);
    if (!table) {
        return table.error();
    }
    if (auto s = check_may_stand_twice(*name, *table); !s) {
        return s;
    }
    if (*size < sectors) {
        return refused(record.device + " has " + std::to_string(*size) +
                       " sectors here, and must have " +
                       std::to_string(sectors) + " (lvextend)");
    }
    const auto open = dm_.is_open(*name);
    if (!open || *open) {
        return !open ? open.error()
                     : refused(record.device + " is in use here: mounted, by a "
                               "guest, or by another device");
    }
    if (before && before->in_use && dm_name(before->device) &&
        *dm_name(before->device) == *name) {
        return !before->is_alone || !before->is_whole
                   ? Status()
                   : refused(record.device + " was the guest's disk here when "
                             "this host went down, and what it holds may be "
                             "newer than the other host's: if it may go, "
                             "\"xl-colo-replicate forget " + record.resource +
                             "\" here");
    }
    const auto head = head_of(record.device);
    if (!head) {
        return head.error();
    }
    const bool is_blank =
        std::ranges::all_of(*head, [](uint8_t byte) { return byte == 0; });
    const auto number = dm_.device_of(*name);
    if (!number) {
        return number.error();
    }
    const bool is_as_left = before && !before->in_use &&
                            !before->left.empty() &&
                            before->left == state_of(*head, *number);
    if (!is_blank && !is_as_left) {
        return refused(record.device + " holds something here, which would be "
                       "overwritten: if it may go, \"dd if=/dev/zero of=" +
                       record.device + " bs=1M count=1\"");
    }
    return {};
}

Status ReplicaHost::join(const ReplicaRecord& record, Sectors sectors,
                         const Route& route)
{
    if (auto s = check(record, sectors); !s) {
        return s;
    }
    ReplicaRecord used = record;
    used.port = route.port;
    used.in_use = true;
    used.is_alone = false;
    const auto volume = up_volume(record.resource);
    if (!volume) {
        return volume.error();
    }
    if (*volume && (*volume)->disk != "Diskless") {
        used.is_whole = (*volume)->disk == "UpToDate";
        return save(used);
    }
    if (auto s = bring_down(record.resource); !s) {
        return s;
    }
    const auto size = size_of_table(*dm_name(record.device));
    if (!size) {
        return size.error();
    }
    // Before the first block of the other host's is here.
    const auto before = record_of(record.resource);
    used.is_whole = false;
    if (auto s = save(used); !s) {
        return s;
    }
    const Status up = bring_up(record, record.device, *size, route);
    if (!up) {
        before ? (void)save(*before) : forget(record.resource);
    }
    return up;
}

Status ReplicaHost::leave(const std::string& resource, WhatItHolds holds)
{
    auto record = record_of(resource);
    const auto volume = up_volume(resource);
    if (!volume) {
        return volume.error();
    }
    if (*volume && (*volume)->role == "Primary") {
        return refused("DRBD's resource " + resource + " is Primary here: "
                       "\"xl-colo-replicate off\" takes that off");
    }
    if (record) {
        if (auto s = check_no_copy(*record); !s) {
            return s;
        }
    }
    if (auto s = bring_down(resource); !s || !record || !record->in_use) {
        return s;
    }
    // Before it became a replica the guest's own may have been on DRBD here.
    const auto name = dm_name(record->device);
    if (!name) {
        return name.error();
    }
    const std::string plain = plain_name(resource);
    if (const auto was = dm_.table(plain); was && *was) {
        if (auto s = dm_.replace(*name, **was); !s) {
            return s;
        }
        (void)dm_.remove(plain);
    }
    record->in_use = false;
    const auto head = head_of(record->device);
    const auto number = dm_.device_of(*name);
    const bool may_go = holds == WhatItHolds::may_go || !record->is_alone ||
                        !record->is_whole;
    record->left =
        may_go && head && number ? state_of(*head, *number) : "";
    return save(*record);
}

}  // namespace xl_colo
