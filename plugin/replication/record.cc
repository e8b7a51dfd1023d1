#include "replication/record.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/domain_files.h"
#include "base/errors.h"

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
constexpr std::array<FlagField, 2> flags{{
    {"has-arbiter", &ReplicaRecord::has_arbiter},
    {"in-use", &ReplicaRecord::in_use},
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
    {
        std::ofstream file(aside, std::ios::trunc);
        for (const auto& [name, member] : texts) {
            file << name << ' ' << record.*member << '\n';
        }
        for (const auto& [name, member] : flags) {
            file << name << ' ' << (record.*member ? "yes" : "no") << '\n';
        }
        file << "port " << record.port << '\n';
        if (!file.flush()) {
            return io_error("cannot write " + aside, errno);
        }
    }
    if (std::rename(aside.c_str(), path.c_str()) != 0) {
        return io_error("cannot make " + path, errno);
    }
    return {};
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
