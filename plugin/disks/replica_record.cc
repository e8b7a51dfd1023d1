#include "disks/replica_record.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/bytes.h"
#include "base/descriptors.h"
#include "base/domain_files.h"
#include "base/errors.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

constexpr const char* ending = ".replica";

std::string path_of(const std::string& resource)
{
    return state_folder() + "/" + domain_file_name(resource) + ending;
}

// One "key value" a line. No value has a line's end in it.
using TextField = std::pair<const char*, std::string ReplicaRecord::*>;
constexpr std::array<TextField, 6> texts{{
    {"resource", &ReplicaRecord::resource},
    {"guest", &ReplicaRecord::guest},
    {"device", &ReplicaRecord::device},
    {"peer", &ReplicaRecord::peer},
    {"ssh-command", &ReplicaRecord::ssh_command},
    {"left", &ReplicaRecord::left},
}};
using FlagField = std::pair<const char*, bool ReplicaRecord::*>;
constexpr std::array<FlagField, 3> flags{{
    {"in-use", &ReplicaRecord::in_use},
    {"whole", &ReplicaRecord::is_whole},
    {"alone", &ReplicaRecord::is_alone},
}};

std::optional<ReplicaRecord> read(const std::string& path)
{
    std::ifstream file(path);
    ReplicaRecord record;
    for (std::string line; std::getline(file, line);) {
        const size_t space = std::min(line.find(' '), line.size());
        const std::string key = line.substr(0, space);
        const std::string value =
            space < line.size() ? line.substr(space + 1) : "";
        for (const auto& [name, member] : texts) {
            if (key == name) {
                record.*member = value;
            }
        }
        for (const auto& [name, member] : flags) {
            if (key == name) {
                record.*member = value == "yes";
            }
        }
        if (key == "port") {
            std::from_chars(value.data(), value.data() + value.size(),
                            record.port);
        }
    }
    return record.resource.empty() ? std::nullopt : std::optional(record);
}

}  // namespace

Status save(const ReplicaRecord& record)
{
    if (auto s = make_private_folder(state_folder()); !s) {
        return s;
    }
    // Aside, so that a half written one is never taken for a whole one.
    const std::string path = path_of(record.resource), aside = path + ".new";
    std::ostringstream text;
    for (const auto& [name, member] : texts) {
        text << name << ' ' << record.*member << '\n';
    }
    for (const auto& [name, member] : flags) {
        text << name << ' ' << (record.*member ? "yes" : "no") << '\n';
    }
    text << "port " << record.port << '\n';
    {
        const UniqueFd file(open(
            aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!file) {
            return io_error("cannot make " + aside, errno);
        }
        if (auto s = write_all(file.get(), view_of(text.str())); !s) {
            return s.error().with_context(aside);
        }
        if (fsync(file.get()) != 0) {
            return io_error("cannot write through " + aside, errno);
        }
    }
    if (std::rename(aside.c_str(), path.c_str()) != 0) {
        return io_error("cannot make " + path, errno);
    }
    const UniqueFd folder(
        open(state_folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder && fsync(folder.get()) == 0
               ? Status()
               : io_error("cannot write through " + state_folder(), errno);
}

Status note_replica(const std::string& resource, bool is_whole, bool is_alone)
{
    auto record = record_of(resource);
    if (!record || !record->in_use ||
        (record->is_whole == is_whole && record->is_alone == is_alone)) {
        return {};
    }
    record->is_whole = is_whole;
    record->is_alone = is_alone;
    return save(*record);
}

void forget(const std::string& resource)
{
    std::error_code ignored;
    std::filesystem::remove(path_of(resource), ignored);
}

std::optional<ReplicaRecord> record_of(const std::string& resource)
{
    return read(path_of(resource));
}

std::vector<ReplicaRecord> records_of_guest(const std::string& guest)
{
    std::vector<ReplicaRecord> records;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(state_folder(), ignored)) {
        if (entry.path().extension() != ending) {
            continue;
        }
        auto record = read(entry.path());
        if (record && record->guest == guest && record->in_use) {
            records.push_back(std::move(*record));
        }
    }
    std::ranges::sort(records, {}, &ReplicaRecord::resource);
    return records;
}

}  // namespace xl_colo
