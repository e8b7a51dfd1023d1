#include "replication/replica.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
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
    return table->back().start + table->back().length;
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
    const auto all = drbd_.volumes();
    if (!all) {
        return all.error();
    }
    unsigned minor = first_minor;
    for (const DrbdVolume& one : *all) {
        minor = std::max(minor, one.minor + 1);
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
    if (auto s = dm_.create(plain, *table); !s) {
        return s;
    }
    // Whatever fails from here on.
    const auto undone = [&](const Error& why) -> Status {
        (void)put_back(record);
        return why;
    };
    if (auto s = bring_up(record, path_of_dm(plain), *size, route); !s) {
        (void)dm_.remove(plain);
        return s;
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
    ReplicaRecord used = record;
    used.in_use = true;
    if (auto s = save(used); !s) {
        return undone(s.error());
    }
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
            if (auto s = dm_.replace(user, *table); !s) {
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
        const auto size = size_of_table(*name);
        if (!number || !size) {
            return !number ? number.error() : size.error();
        }
        return dm_.replace(*taken_over,
                           {{0, *size, "linear", *number + " 0"}});
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
        return refused(record->device + " is the replica here: \"xl-colo-"
                       "replicate off " + record->guest +
                       "\" where the guest is");
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
                             "\"drbdadm secondary " + record.resource +
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
    if (before && before->in_use) {
        return before->has_arbiter
                   ? Status()
                   : refused(record.device + " was on DRBD when this host went "
                             "down, and no --fence or --witness had to say "
                             "whose the guest is: if what it holds may go, "
                             "\"xl-colo-replicate forget " + record.resource +
                             "\" here");
    }
    const auto head = head_of(record.device);
    if (!head) {
        return head.error();
    }
    const bool is_blank =
        std::ranges::all_of(*head, [](uint8_t byte) { return byte == 0; });
    if (!is_blank && !(before && before->left == digest_of(*head))) {
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
    const auto volume = up_volume(record.resource);
    if (!volume) {
        return volume.error();
    }
    if (*volume && (*volume)->disk != "Diskless") {
        return save(used);
    }
    if (auto s = bring_down(record.resource); !s) {
        return s;
    }
    const auto size = size_of_table(*dm_name(record.device));
    if (!size) {
        return size.error();
    }
    const Status up = bring_up(record, record.device, *size, route);
    return up ? save(used) : up;
}

Status ReplicaHost::leave(const std::string& resource)
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
    record->in_use = false;
    const auto head = head_of(record->device);
    record->left = head ? digest_of(*head) : "";
    // Before it became a replica the guest's own may have been on DRBD here.
    const std::string plain = plain_name(resource);
    if (const auto was = dm_.table(plain); was && *was) {
        const auto name = dm_name(record->device);
        if (name) {
            (void)dm_.replace(*name, **was);
            (void)dm_.remove(plain);
        }
    }
    return save(*record);
}

}  // namespace xl_colo
