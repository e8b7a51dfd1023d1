#include "commands/config_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string_view>

#include "base/errors.h"
#include "commands/command_line.h"

namespace xl_colo {

namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trimmed(std::string_view text)
{
    const size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// Quotes that belong to words within the value stay.
std::string_view unquoted(std::string_view text)
{
    const bool around = text.size() >= 2 && text.front() == '"' &&
                        text.find('"', 1) == text.size() - 1;
    return around ? text.substr(1, text.size() - 2) : text;
}

bool is_name(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

ConfigEntry entry_of(unsigned number, std::string_view line)
{
    const size_t end = std::min(line.find_first_of(" \t="), line.size());
    ConfigEntry entry{number, std::string(line.substr(0, end)), std::nullopt};
    std::string_view rest = trimmed(line.substr(end));
    if (rest.starts_with('=')) {
        rest = trimmed(rest.substr(1));
        entry.value = "";
    }
    if (!rest.empty()) {
        entry.value = unquoted(rest);
    }
    return entry;
}

}  // namespace

Result<std::vector<ConfigEntry>> read_config_file(const std::string& path)
{
    errno = 0;
    std::ifstream file(path);
    std::vector<ConfigEntry> entries;
    unsigned number = 0;
    for (std::string text; std::getline(file, text);) {
        ++number;
        const std::string_view line = trimmed(text);
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const auto complain = [&](const std::string& what) {
            return usage(what).with_context(path + ":" +
                                            std::to_string(number));
        };
        ConfigEntry entry = entry_of(number, line);
        if (!is_name(entry.name)) {
            return complain("this is no option: \"" + std::string(line) +
                            "\"");
        }
        const auto same = std::ranges::find(entries, entry.name,
                                            &ConfigEntry::name);
        if (same != entries.end()) {
            return complain(entry.name + " stands in line " +
                            std::to_string(same->line) + " already");
        }
        entries.push_back(std::move(entry));
    }
    // A folder can be opened, and not read.
    if (!file.eof()) {
        return io_error("cannot read " + path, errno);
    }
    return entries;
}

std::string domain_of_config_file(const std::string& path)
{
    constexpr std::string_view ending = ".conf";
    std::string name = path.substr(path.rfind('/') + 1);
    if (name.ends_with(ending)) {
        name.resize(name.size() - ending.size());
    }
    return name;
}

}  // namespace xl_colo
