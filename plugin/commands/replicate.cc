#include "commands/replicate.h"

#include <chrono>
#include <thread>
#include <utility>

#include "base/system_program.h"
#include "commands/ssh_command.h"
#include "disks/block_devices.h"
#include "replication/resource_file.h"

namespace xl_colo {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr SystemProgram shell{"sh", "dash"};
// For a login, and some programs of DRBD's.
constexpr std::chrono::minutes remote_limit{3};
constexpr uint16_t first_port = 7800;
constexpr uint16_t most_ports = 20;
constexpr auto look_again = 1s;
constexpr auto say_again = 10s;
constexpr auto until_connected = 2min;

// From the local shell through ssh to the other host's.
std::string remote_word(const std::string& word)
{
    return shell_word(shell_word(word));
}

}  // namespace

std::vector<const DeviceFacts*> disks_to_replicate(
    const std::vector<DeviceFacts>& devices)
{
    std::vector<const DeviceFacts*> disks;
    for (const DeviceFacts& device : devices) {
        if (device.type != DeviceType::disk || !device.writable ||
            device.disk.elsewhere || !device.disk.block_device ||
            !device.disk.path.starts_with('/')) {
            continue;
        }
        const auto record = record_of(device.disk.resource);
        if (device.disk.resource.empty() || (record && record->in_use)) {
            disks.push_back(&device);
        }
    }
    return disks;
}

Replication::Replication(std::string host, std::string ssh_command, Log& log)
    : host_(std::move(host)), ssh_command_(std::move(ssh_command)), log_(log)
{
}

Status Replication::tell(const std::vector<std::string>& words) const
{
    if (ssh_command_.empty()) {
        return Error(ErrorKind::refused,
                     "a disk can be put on DRBD only where the other host is "
                     "reached by ssh, or what --ssh-command says");
    }
    std::string command = "exec " + ssh_command_ + " " + shell_word(host_) +
                          " xl-colo-replicate";
    for (const std::string& word : words) {
        command += " " + remote_word(word);
    }
    const auto output = run_program(shell, {"-c", command}, "", remote_limit);
    if (!output) {
        return output.error().with_context(host_);
    }
    if (output->status == 0) {
        return {};
    }
    std::string said = in_one_line(output->err);
    const std::string name = "xl-colo-replicate: ";
    if (said.starts_with(name)) {
        said.erase(0, name.size());
    }
    return Error(ErrorKind::refused,
                 host_ + ": " +
                     (said.empty() ? "xl-colo-replicate ended with status " +
                                         std::to_string(output->status)
                                   : said));
}

Result<ReplicaRecord> Replication::record_for(const std::string& guest,
                                              const DeviceFacts& disk)
{
    auto name = replica_name(guest, disk.name);
    if (!name) {
        return name.error();
    }
    const auto plain = here_.plain_disk(disk.disk.path);
    if (!plain) {
        return plain.error();
    }
    if (!*plain) {
        return Error(ErrorKind::refused,
                     "is on " + disk.disk.path + ", which is no volume of "
                     "LVM's, nor another device of device-mapper's: put it on "
                     "DRBD (phy:/dev/drbd0), or detach it");
    }
    ReplicaRecord record;
    record.resource = *name;
    record.guest = guest;
    record.device = **plain;
    record.peer = host_;
    record.ssh_command = ssh_command_;
    return record;
}

Status Replication::join_there(const ReplicaRecord& record, Sectors sectors,
                               const Route& route) const
{
    return tell({"join", record.resource, record.guest, record.device,
                 std::to_string(sectors), route.there, route.here,
                 std::to_string(route.port)});
}

// One that is free on both hosts, and named by no other resource.
Status Replication::choose_port(Route& route) const
{
    Status free = Error(ErrorKind::refused, "no port for DRBD is free here");
    for (route.port = first_port; route.port < first_port + most_ports;
         ++route.port) {
        if (!is_free(route.here, route.port) || is_configured(route.port)) {
            continue;
        }
        free = tell({"free", std::to_string(route.port), route.there});
        if (free) {
            return free;
        }
    }
    return free;
}

// The other host is asked before anything is changed here, and has no part in
// it until the guest's writes go through DRBD.
Status Replication::begin(ReplicaRecord& record, const DeviceFacts& disk)
{
    const auto device = block_device_at(disk.disk.path);
    const auto size =
        device ? size_of_block_device(number_of(*device))
               : Result<Sectors>(Error(ErrorKind::refused,
                                       "there is no " + disk.disk.path));
    auto route = route_to(host_);
    if (!size || !route) {
        return !size ? size.error() : route.error();
    }
    if (auto s = tell({"check", record.resource, record.guest, record.device,
                       std::to_string(*size)});
        !s) {
        return s;
    }
    if (auto s = choose_port(*route); !s) {
        return s;
    }
    if (auto s = tell({"leave", record.resource}); !s) {
        return s;
    }
    record.port = route->port;
    if (auto s = here_.put_in(record, *route); !s) {
        return s;
    }
    const Status joined = join_there(record, *size, *route);
    if (!joined) {
        (void)here_.take_out(record.resource);
    }
    return joined;
}

// What this host has put in before: the other one may have gone down since.
Status Replication::rejoin(const ReplicaRecord& record)
{
    const auto volume = drbd_->find(record.resource, 0);
    if (!volume) {
        return volume.error();
    }
    const auto size =
        size_of_block_device("147:" + std::to_string(volume->minor));
    auto route = route_to(host_);
    if (!size || !route) {
        return !size ? size.error() : route.error();
    }
    route->port = record.port;
    if (auto s = join_there(record, *size, *route); !s) {
        return s;
    }
    return stands_alone(*volume) ? drbd_->connect(record.resource, false)
                                 : Status();
}

Status Replication::await_copied(const ReplicaRecord& record)
{
    auto connected = Clock::now();
    auto said = Clock::now();
    for (;;) {
        const auto volume = drbd_->find(record.resource, 0);
        if (!volume) {
            return volume.error();
        }
        const Status in_step = check_in_step(*volume);
        if (in_step) {
            // Of this host's, and not of one that it was copied to before.
            return tell({"confirm", record.resource});
        }
        const auto now = Clock::now();
        const bool is_copied =
            is_connected(*volume) && volume->disk == "UpToDate" &&
            volume->peers.front().disk != "Diskless" &&
            volume->peers.front().disk != "Failed";
        if (is_copied) {
            connected = now;
        } else if (now - connected > until_connected) {
            return in_step;
        }
        if (is_copied && now - said > say_again) {
            said = now;
            log_.notice("domain " + record.guest + ": " + record.device + ": " +
                        std::to_string(
                            volume->peers.front().out_of_sync_kib / 1024) +
                        " MiB are to be copied to " + host_ + " yet");
        }
        std::this_thread::sleep_for(look_again);
    }
}

Status Replication::put_on(const std::string& guest,
                           const std::vector<const DeviceFacts*>& disks)
{
    std::vector<std::string> begun;
    std::vector<ReplicaRecord> records;
    const auto give_up = [&](const DeviceFacts& disk,
                             const Error& why) -> Status {
        for (const std::string& resource : begun) {
            if (auto s = here_.take_out(resource); !s) {
                log_.warn(resource + ": " + s.error().text());
            }
            (void)tell({"leave", resource});
        }
        return why.with_context("disk " + disk.name);
    };
    for (const DeviceFacts* disk : disks) {
        if (!disk->disk.resource.empty()) {
            auto record = record_of(disk->disk.resource);
            record->peer = host_;
            record->ssh_command = ssh_command_;
            if (auto s = rejoin(*record); !s) {
                return give_up(*disk, s.error());
            }
            records.push_back(*record);
            continue;
        }
        auto record = record_for(guest, *disk);
        if (!record) {
            return give_up(*disk, record.error());
        }
        if (auto s = begin(*record, *disk); !s) {
            return give_up(*disk, s.error());
        }
        begun.push_back(record->resource);
        records.push_back(*record);
        log_.notice("domain " + guest + ": " + record->device +
                    " is on DRBD now, as " + record->resource +
                    ", and is copied to " + host_);
    }
    for (size_t i = 0; i < records.size(); ++i) {
        if (auto s = await_copied(records[i]); !s) {
            return give_up(*disks[i], s.error());
        }
        // Whom to tell, now that it is known to be the one.
        auto record = record_of(records[i].resource);
        if (record) {
            record->peer = host_;
            record->ssh_command = ssh_command_;
            if (auto s = save(*record); !s) {
                return give_up(*disks[i], s.error());
            }
        }
    }
    return {};
}

Result<bool> Replication::take_off(const ReplicaRecord& record)
{
    const auto serves = here_.serves_guest(record.resource);
    if (!serves || !*serves) {
        return serves;
    }
    if (auto s = here_.take_out(record.resource); !s) {
        return s.error().with_context(record.device);
    }
    if (auto s = tell({"leave", record.resource}); !s) {
        log_.warn("domain " + record.guest + ": " + s.error().text() +
                  "; \"xl-colo-replicate leave " + record.resource +
                  "\" there ends it");
    }
    return true;
}

Result<size_t> take_off_replicas(const std::string& guest, Log& log)
{
    size_t taken_off = 0;
    for (const ReplicaRecord& record : records_of_guest(guest)) {
        Replication replication(record.peer, record.ssh_command, log);
        const auto done = replication.take_off(record);
        if (!done) {
            return done.error();
        }
        taken_off += *done ? 1 : 0;
    }
    return taken_off;
}

}  // namespace xl_colo
