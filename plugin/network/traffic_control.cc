#include "network/traffic_control.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/bytes.h"
#include "base/child_process.h"
#include "base/descriptors.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

// Up to 16 s were seen for six calls, on an emulated host that was busy.
constexpr std::chrono::seconds tc_limit{60};

// By its whole path: busybox' shell takes its own tc otherwise, which knows no
// filters. A login without root's PATH has /usr/sbin all the same.
std::optional<std::string> find_tc()
{
    const char* path = std::getenv("PATH");
    std::istringstream folders(std::string(path ? path : "") +
                               ":/usr/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const std::string tc = folder + "/tc";
        if (folder.starts_with('/') && access(tc.c_str(), X_OK) == 0) {
            return tc;
        }
    }
    return std::nullopt;
}

// A file without a name: a pipe would have to be written and read meanwhile.
UniqueFd scratch_file()
{
    return UniqueFd(memfd_create("tc", MFD_CLOEXEC));
}

std::string text_in(const UniqueFd& file)
{
    std::string text(static_cast<size_t>(lseek(file.get(), 0, SEEK_END)), '\0');
    const ssize_t r = pread(file.get(), text.data(), text.size(), 0);
    text.resize(r > 0 ? static_cast<size_t>(r) : 0);
    return text;
}

std::string quoted(const std::string& word)
{
    std::string text = "'";
    for (const char c : word) {
        text += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return text + "'";
}

// Its words in one line, without those that say only that there was a failure;
// they name the line that failed.
std::string said_by_tc(const std::string& stderr_text,
                       const std::vector<std::string>& commands)
{
    std::string said;
    size_t failed = commands.size();
    std::istringstream lines(stderr_text);
    for (std::string line; std::getline(lines, line);) {
        constexpr std::string_view place = "Command failed -:";
        if (line.starts_with(place)) {
            size_t number = 0;
            std::from_chars(line.data() + place.size(),
                            line.data() + line.size(), number);
            failed = std::min(number, failed) - (number > 0);
        } else if (!line.starts_with("We have an error")) {
            said += (said.empty() ? "" : "; ") + without_controls(line);
        }
    }
    const std::string what = failed < commands.size()
                                 ? "tc " + commands[failed]
                                 : std::string("tc");
    return what + ": " + (said.empty() ? "failed" : said);
}

// What it wrote to its stdout.
Result<std::string> tc(const char* options,
                       const std::vector<std::string>& commands)
{
    const auto program = find_tc();
    if (!program) {
        return Error(ErrorKind::refused, "tc is missing: install iproute2");
    }
    const UniqueFd in = scratch_file(), out = scratch_file(),
                   err = scratch_file();
    if (!in || !out || !err) {
        return io_error("cannot make a file for tc", errno);
    }
    std::string batch;
    for (const auto& command : commands) {
        batch += command + "\n";
    }
    if (auto s = write_all(in.get(), view_of(batch)); !s) {
        return s.error().with_context("for tc");
    }
    lseek(in.get(), 0, SEEK_SET);
    auto child = ChildProcess::spawn(
        "exec " + quoted(*program) + " " + options + " -batch -",
        {in.get(), out.get(), err.get()});
    if (!child) {
        return child.error().with_context("tc");
    }
    if (child->wait(tc_limit) != ChildProcess::Waited::ended) {
        return Error(ErrorKind::timeout,
                     "tc: not done within " +
                         std::to_string(tc_limit.count()) + " s");
    }
    if (child->status() != 0) {
        return Error(ErrorKind::io, said_by_tc(text_in(err), commands));
    }
    return text_in(out);
}

// Of lines such as "filter protocol all pref 30819 fw chain 0 handle 0x1". Not
// as JSON: some filters know none, and put text in the middle of it.
std::vector<unsigned> preferences(const std::string& text)
{
    std::vector<unsigned> all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word) || word != "filter") {
            continue;
        }
        while (words >> word && word != "pref") {
        }
        if (unsigned number; words >> number) {
            all.push_back(number);
        }
    }
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    return all;
}

}  // namespace

Status run_tc(const std::vector<std::string>& commands)
{
    const auto output = tc("", commands);
    return output ? Status() : output.error();
}

Result<Filters> filters_of(const std::string& interface)
{
    const auto listed = tc("-json", {"qdisc show dev " + interface});
    if (!listed) {
        return listed.error();
    }
    const auto list = Json::parse(
        "{\"qdiscs\":" + (listed->empty() ? "[]" : *listed) + "}");
    const auto qdiscs = list ? list->objects("qdiscs")
                             : Result<std::vector<Json>>(list.error());
    if (!qdiscs) {
        return qdiscs.error().with_context("tc qdisc show");
    }
    Filters filters;
    for (const Json& qdisc : *qdiscs) {
        const auto kind = qdisc.text("kind");
        filters.clsact |= kind && *kind == "clsact";
        filters.ingress |= kind && *kind == "ingress";
    }
    for (auto [side, found] : {std::pair("ingress", &filters.incoming),
                               std::pair("egress", &filters.outgoing)}) {
        if (!filters.clsact) {
            break;
        }
        const auto shown =
            tc("", {"filter show dev " + interface + " " + side});
        if (!shown) {
            return shown.error();
        }
        *found = preferences(*shown);
    }
    return filters;
}

}  // namespace xl_colo
