#include "commands/cmd_replicate.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "commands/outcome.h"
#include "commands/replicate.h"
#include "control/control_server.h"
#include "disks/replicated_disk.h"
#include "replication/resource_file.h"

namespace xl_colo {

namespace {

using Words = std::vector<std::string>;

std::unique_ptr<Log> make_log()
{
    return make_xentoollog(STDERR_FILENO, "colo", LogLevel::notice,
                           isatty(STDERR_FILENO) == 1);
}

// Beneath a checkpoint nothing may change.
Status check_unprotected(const std::string& domain)
{
    const auto status = ask_status(domain, local_patience);
    if (!status || status->state == State::unprotected ||
        status->state == State::taken_over || status->state == State::ended) {
        return {};
    }
    return Error(ErrorKind::refused,
                 "is being protected: xl-colo-stop it first");
}

// ---- for an admin -----------------------------------------------------------

Status on(const Words& words, const std::string& ssh_command)
{
    const auto log = make_log();
    auto host = open_host(*log);
    auto guest = host ? (*host)->find(words[0]) : host.error();
    if (!guest) {
        return guest.error();
    }
    if (auto s = check_unprotected(guest->name); !s) {
        return s;
    }
    if (auto s = find_resources(guest->devices); !s) {
        return s;
    }
    const auto disks = disks_to_replicate(guest->devices);
    if (disks.empty()) {
        return Error(ErrorKind::refused,
                     "has no disk that could be put on DRBD");
    }
    return Replication(words[1], ssh_command, *log)
        .put_on(guest->name, disks);
}

Status off(const Words& words, const std::string&)
{
    if (auto s = check_unprotected(words[0]); !s) {
        return s;
    }
    const auto count = take_off_replicas(words[0], *make_log());
    if (!count) {
        return count.error();
    }
    return *count > 0
               ? Status()
               : Error(ErrorKind::refused,
                       "no disk that it uses here was put on DRBD; where it "
                       "does not run, \"xl-colo-replicate leave\"");
}

// ---- what the guest's host says here ----------------------------------------

struct Here {
    const std::unique_ptr<DeviceMapper> dm = make_device_mapper();
    const std::unique_ptr<Drbd> drbd = make_drbd();
    ReplicaHost replicas{*dm, *drbd};
};

template <typename Number>
std::optional<Number> number_in(const std::string& word)
{
    Number number = 0;
    const char* const end = word.data() + word.size();
    const auto read = std::from_chars(word.data(), end, number);
    return read.ec == std::errc() && read.ptr == end ? std::optional(number)
                                                     : std::nullopt;
}

ReplicaRecord record_in(const Words& words)
{
    ReplicaRecord record;
    record.resource = words[0];
    record.guest = words[1];
    record.device = words[2];
    return record;
}

Status check(const Words& words, const std::string&)
{
    const auto sectors = number_in<Sectors>(words[3]);
    return sectors ? Here().replicas.check(record_in(words), *sectors)
                   : usage("\"" + words[3] + "\" is no number");
}

Status join(const Words& words, const std::string&)
{
    const auto sectors = number_in<Sectors>(words[3]);
    const auto port = number_in<uint16_t>(words[6]);
    if (!sectors || !port) {
        return usage("no numbers of sectors and port");
    }
    ReplicaRecord record = record_in(words);
    // Should the guest be here one day. By the name that an admin gave, if this
    // host has ever had it.
    const auto before = record_of(record.resource);
    const bool is_known = before && !before->peer.empty();
    record.peer = is_known ? before->peer : bare_address(words[5]);
    record.ssh_command = is_known ? before->ssh_command : "ssh";
    return Here().replicas.join(record, *sectors, {words[4], words[5], *port});
}

Status free(const Words& words, const std::string&)
{
    const auto port = number_in<uint16_t>(words[0]);
    return port && is_free(words[1], *port) && !is_configured(*port)
               ? Status()
               : Error(ErrorKind::refused,
                       "port " + words[0] + " is used here");
}

// That it is in step with the host that asks.
Status confirm(const Words& words, const std::string&)
{
    const auto volume = make_drbd()->find(words[0], 0);
    return volume ? check_in_step(*volume) : volume.error();
}

Status leave(const Words& words, const std::string&)
{
    return Here().replicas.leave(words[0]);
}

Status forget_it(const Words& words, const std::string&)
{
    if (!record_of(words[0])) {
        return Error(ErrorKind::refused, "there is no such replica here");
    }
    // Not of one that is up.
    return Here().replicas.leave(words[0], ReplicaHost::WhatItHolds::may_go);
}

struct Operation {
    const char* name;
    size_t words;
    Status (*run)(const Words& words, const std::string& ssh_command);
};
constexpr Operation operations[] = {
    {"on", 2, on},       {"off", 1, off},
    {"leave", 1, leave}, {"forget", 1, forget_it},
    {"check", 4, check}, {"join", 7, join},
    {"free", 2, free},   {"confirm", 1, confirm},
};

}  // namespace

int cmd_replicate(const ReplicateOptions& options)
{
    const Words words(options.words.begin() + 1, options.words.end());
    for (const Operation& one : operations) {
        if (options.words.front() == one.name && words.size() == one.words) {
            const Status s = one.run(words, options.ssh_command);
            if (!s) {
                std::fprintf(stderr, "xl-colo-replicate: %s: %s\n",
                             words.front().c_str(), s.error().text().c_str());
            }
            return s ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    std::fprintf(stderr,
                 "xl-colo-replicate: there is no use for \"%s\" with %zu "
                 "words; see --help\n",
                 options.words.front().c_str(), words.size());
    return EXIT_FAILURE;
}

}  // namespace xl_colo
