// The tables of the commands: each row is an option, its line in --help and
// what it does to the struct.
#include "commands/options.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/left_out.h"
#include "commands/command_line.h"
#include "commands/config_file.h"

namespace xl_colo {

namespace {

using namespace std::chrono_literals;

// The snapshot's own notes need some of it.
constexpr uint64_t least_disk_store = 1 << 20;

// In lines of at most so many characters.
std::string what_may_be_named(size_t width = SIZE_MAX)
{
    std::string list;
    size_t column = 0;
    for (const std::string name : what_may_be_left_out) {
        if (!list.empty()) {
            const bool fits = column + name.size() + 3 <= width;
            list += fits ? ", " : ",\n";
            column = fits ? column + 2 : 0;
        }
        list += name;
        column += name.size();
    }
    return list;
}

Status add_without(StartOptions& options, const std::string& list)
{
    size_t begin = 0;
    while (begin <= list.size()) {
        const size_t end = std::min(list.find(',', begin), list.size());
        const std::string item = list.substr(begin, end - begin);
        if (std::ranges::find(what_may_be_left_out, std::string_view(item)) ==
            what_may_be_left_out.end()) {
            return usage("\"" + item + "\" is none of " +
                         what_may_be_named());
        }
        options.without.insert(item);
        begin = end + 1;
    }
    return {};
}

// An empty one is a script's variable that was not set: not "none".
Status set_command(std::string& to, const std::string& value)
{
    if (value.find_first_not_of(" \t\n") == std::string::npos) {
        return usage("the command is empty");
    }
    to = value;
    return {};
}

template <typename Options>
Row<Options> verbose_row()
{
    return {{'v', "verbose", nullptr, "say more; twice for libxl's debugging"},
            [](Options& options, const std::string&) -> Status {
                ++options.verbose;
                return {};
            }};
}

template <typename Options>
Row<Options> patience_row()
{
    return {'t', "timeout", "TIME",
            "wait so long for the answer (default 60s)",
            [](Options& options, const std::string& value) {
                return set_duration(options.timeout, value, 1s);
            }};
}

const Command<StartOptions>& start_command()
{
    using Options = StartOptions;
    static const auto command = with_common<Options>({
        "xl-colo-start",
        "[DOMAIN [HOST]]",
        "Protects a running guest: keeps a copy of it on HOST, brought\n"
        "up to date by checkpoints, that takes over when this host is lost.",
        {
            {'\0', "config", "FILE",
             "take DOMAIN, HOST and options from FILE, see\n"
             "xl-colo.conf(5); those given here come first",
             [](Options& o, const std::string& value) -> Status {
                 o.config = value;
                 return {};
             }},
            {'s', "ssh-command", "COMMAND",
             "run HOST's side by this instead of ssh; when\n"
             "empty, HOST itself is the command",
             [](Options& o, const std::string& value) -> Status {
                 o.ssh_command = value;
                 return {};
             }},
            {'i', "interval", "TIME",
             "from one checkpoint to the next; a bare number\n"
             "is in ms (default 1s)",
             [](Options& o, const std::string& value) {
                 return set_duration(o.interval, value, 1ms);
             }},
            {'t', "timeout", "TIME",
             "silence after which the peer counts as lost; a\n"
             "bare number is in s (default 10s)",
             [](Options& o, const std::string& value) {
                 return set_duration(o.timeout, value, 1s);
             }},
            {'\0', "step-timeout", "TIME",
             "how long a peer that is heard may take for one\n"
             "step of a checkpoint; a bare number is in s\n"
             "(default 60s)",
             [](Options& o, const std::string& value) {
                 return set_duration(o.step_timeout, value, 1s);
             }},
            {'\0', "compare-timeout", "TIME",
             "where the copy runs: how long what the guest\n"
             "sends waits for it to send the same; a bare\n"
             "number is in ms (default 100ms)",
             [](Options& o, const std::string& value) {
                 return set_duration(o.compare_timeout, value, 1ms);
             }},
            {'\0', "buffer", "SIZE",
             "memory here for what is copied and not sent; a\n"
             "bare number is in MiB (default half of the\n"
             "guest's, at most 512M)",
             [](Options& o, const std::string& value) {
                 return set_size(o.buffer, value);
             }},
            {'\0', "fence", "COMMAND",
             "run by HOST's shell before it takes over by\n"
             "itself; only when it exits 0 does it",
             [](Options& o, const std::string& value) {
                 return set_command(o.fence, value);
             }},
            {'\0', "witness", "COMMAND",
             "run on both hosts after a loss: only the one\n"
             "to which it gives the guest goes on",
             [](Options& o, const std::string& value) {
                 return set_command(o.witness, value);
             }},
            flag<Options>('\0', "accept-split-brain",
                          "protect a guest with a network card or a disk\n"
                          "with neither of these: after a broken network\n"
                          "it may run on both hosts",
                          &Options::accept_split_brain),
            {'\0', "compress", "KIND",
             "pack pages on their way: none, lz4, or auto,\n"
             "where it saves more time than it costs (default)",
             [](Options& o, const std::string& value) -> Status {
                 const auto compression = parse_compression(value);
                 if (!compression) {
                     return usage("\"" + value +
                                  "\" is none of none, lz4, auto");
                 }
                 o.compression = *compression;
                 return {};
             }},
            {'\0', "output", "MODE",
             "commit: the copy stands until it takes over\n"
             "(default); compare: both run; auto: whichever\n"
             "holds back less of what the guest sends",
             [](Options& o, const std::string& value) -> Status {
                 const auto output = parse_output(value);
                 if (!output) {
                     return usage("\"" + value +
                                  "\" is none of commit, compare, auto");
                 }
                 o.output = *output;
                 return {};
             }},
            {'\0', "disk-store", "WHERE",
             "what HOST keeps of a disk's last checkpoint is in\n"
             "its memory (default), in a file, or on a block\n"
             "device of its own, /dev/...",
             [](Options& o, const std::string& value) -> Status {
                 auto store = parse_disk_store(value);
                 if (!store) {
                     return usage("\"" + value +
                                  "\" is none of memory, file, /dev/...");
                 }
                 store->size = o.disk_store.size;
                 o.disk_store = *store;
                 return {};
             }},
            {'\0', "disk-store-size", "SIZE",
             "at most so much, twice for each disk; a bare\n"
             "number is in MiB (default a quarter of what is\n"
             "free, or the disk's size)",
             [](Options& o, const std::string& value) -> Status {
                 if (auto s = set_size(o.disk_store.size, value); !s) {
                     return s;
                 }
                 return o.disk_store.size->value() >= least_disk_store
                            ? Status()
                            : usage("\"" + value + "\" is less than 1M");
             }},
            {'\0', "replicate", "WHEN",
             "auto: put plain volumes of LVM's on DRBD, copied\n"
             "to HOST, see xl-colo-replicate(1) (default);\n"
             "never: refuse them",
             [](Options& o, const std::string& value) -> Status {
                 if (value != "auto" && value != "never") {
                     return usage("\"" + value + "\" is none of auto, never");
                 }
                 o.replicate = value == "auto";
                 return {};
             }},
            flag<Options>('\0', "verify",
                          "compare every page on both hosts after each\n"
                          "checkpoint; a difference ends protection",
                          &Options::verify),
            {'\0', "verify-disks", nullptr,
             "the same, and compare every byte of the disks",
             [](Options& o, const std::string&) -> Status {
                 o.verify = o.verify_disks = true;
                 return {};
             }},
            {'n', "max-checkpoints", "NUMBER",
             "end protection in order after so many",
             [](Options& o, const std::string& value) -> Status {
                 o.max_checkpoints = parse_count(value, UINT32_MAX);
                 if (!o.max_checkpoints) {
                     return usage("\"" + value +
                                  "\" is not a number from 1 to 4294967295");
                 }
                 return {};
             }},
            flag<Options>('F', "foreground",
                          "stay on the terminal instead of going to the\n"
                          "background once the guest is protected",
                          &Options::foreground),
            verbose_row<Options>(),
            {'\0', "without", "LIST",
             "for tests: leave out any of\n" + what_may_be_named(52),
             add_without},
        },
        {
            [](Options& o, std::string word) { o.domain = std::move(word); },
            [](Options& o, std::string word) { o.host = std::move(word); },
        },
        0,
    });
    return command;
}

const Command<ReceiveOptions>& receive_command()
{
    static const auto command = with_common<ReceiveOptions>({
        "xl-colo-receive",
        "",
        "The secondary's side, which xl-colo-start runs on the other host.\n"
        "Not for use by hand: standard input and output carry the protocol.",
        {verbose_row<ReceiveOptions>()},
        {},
        0,
    });
    return command;
}

const Command<StatusOptions>& status_command()
{
    using Options = StatusOptions;
    static const auto command = with_common<Options>({
        "xl-colo-status",
        "[DOMAIN]",
        "Shows how protection of this host's guests is going. Exits with 0\n"
        "when every guest shown is protected, and with 1 otherwise.",
        {
            flag<Options>('j', "json", "for programs", &Options::json),
            flag<Options>('\0', "openmetrics",
                          "for what collects figures, as Prometheus",
                          &Options::openmetrics),
            flag<Options>('w', "watch", "again each second, until interrupted",
                          &Options::watch),
        },
        {[](Options& o, std::string word) { o.domain = std::move(word); }},
        0,
    });
    return command;
}

const Command<StopOptions>& stop_command()
{
    static const auto command = with_common<StopOptions>({
        "xl-colo-stop",
        "DOMAIN",
        "Ends protection in order, on the primary host: the guest goes on\n"
        "here, and its copy is destroyed.",
        {
            patience_row<StopOptions>(),
            flag<StopOptions>('\0', "keep-replicas",
                              "leave disks on DRBD that xl-colo-start has put\n"
                              "on it: the next time only changes are copied",
                              &StopOptions::keep_replicas),
        },
        {[](StopOptions& o, std::string word) { o.domain = std::move(word); }},
        1,
    });
    return command;
}

const Command<FailoverOptions>& failover_command()
{
    using Options = FailoverOptions;
    static const auto command = with_common<Options>({
        "xl-colo-failover",
        "DOMAIN",
        "Takes over now, on the secondary host: the guest goes on here from\n"
        "the last checkpoint, and the primary gives it up.",
        {patience_row<Options>()},
        {[](Options& o, std::string word) { o.domain = std::move(word); }},
        1,
    });
    return command;
}

const Command<ReplicateOptions>& replicate_command()
{
    using Options = ReplicateOptions;
    constexpr size_t most_words = 9;
    static const auto command = with_common<Options>({
        "xl-colo-replicate",
        "on|off|leave|forget NAME [HOST]",
        "on DOMAIN HOST: puts the guest's plain volumes on DRBD, copied to\n"
        "HOST, while it uses them; off DOMAIN: takes them off. xl-colo-start\n"
        "and xl-colo-stop do that by themselves. leave RESOURCE and forget\n"
        "RESOURCE, on a host without the guest: see xl-colo-replicate(1).",
        {
            {'s', "ssh-command", "COMMAND", "reach HOST by this instead of ssh",
             [](Options& o, const std::string& value) -> Status {
                 o.ssh_command = value;
                 return {};
             }},
        },
        std::vector<std::function<void(Options&, std::string)>>(
            most_words,
            [](Options& o, std::string word) {
                o.words.push_back(std::move(word));
            }),
        2,
    });
    return command;
}

const Command<KeepOptions>& keep_command()
{
    using Options = KeepOptions;
    static const auto command = with_common<Options>({
        "xl-colo-keep",
        "FILE",
        "Has the guest of FILE, see xl-colo.conf(5), protected whenever it is\n"
        "on this host and is not, until it is told to stop. For services.",
        {
            {'\0', "pause", "TIME",
             "wait so long after a start that failed, and\n"
             "twice as long after each further one (default\n"
             "5s)",
             [](Options& o, const std::string& value) {
                 return set_duration(o.pause, value, 1s);
             }},
            {'\0', "longest-pause", "TIME",
             "but never longer than this (default 300s)",
             [](Options& o, const std::string& value) {
                 return set_duration(o.longest_pause, value, 1s);
             }},
        },
        {[](Options& o, std::string word) { o.config = std::move(word); }},
        1,
    });
    return command;
}

// xl's own options, which a patched xl leaves in the environment.
int option_of_xl(const char* variable)
{
    const char* text = std::getenv(variable);
    return text ? std::atoi(text) : 0;
}

// No command has a dry run, so under "xl -N" each has to refuse. An xl with
// our patch does not even call it; one with an older patch does.
template <typename Options>
Result<Options> parse_for_xl(const Command<Options>& command,
                             Arguments arguments, Options onto = {})
{
    auto options = parse(command, arguments, std::move(onto));
    if (options && !options->help && !options->version &&
        option_of_xl("XL_DRYRUN") != 0) {
        return usage("there is no dry run (XL_DRYRUN is set)");
    }
    return options;
}

// The options that a file may hold are those of the command line, by their long
// names, but for those that are about the command alone.
Status apply_entry(StartOptions& options, const ConfigEntry& entry)
{
    if (entry.name == "domain" || entry.name == "host") {
        if (!entry.value || entry.value->empty()) {
            return usage("needs a value");
        }
        (entry.name == "domain" ? options.domain : options.host) =
            *entry.value;
        return {};
    }
    const auto& rows = start_command().rows;
    const auto row = std::ranges::find_if(rows, [&](const auto& candidate) {
        return candidate.name == entry.name;
    });
    if (row == rows.end() || entry.name == "config" || entry.name == "help" ||
        entry.name == "version") {
        return usage("there is no such option");
    }
    if (!row->argument && entry.value == "no") {
        return {};
    }
    if (!row->argument && entry.value && entry.value != "yes") {
        return usage("is yes or no, or stands alone");
    }
    if (row->argument && !entry.value) {
        return usage("needs a value");
    }
    return row->apply(options, entry.value.value_or(""));
}

Result<StartOptions> read_start_file(const std::string& path)
{
    const auto entries = read_config_file(path);
    if (!entries) {
        return entries.error();
    }
    StartOptions options;
    options.domain = domain_of_config_file(path);
    for (const ConfigEntry& entry : *entries) {
        if (auto s = apply_entry(options, entry); !s) {
            return s.error().with_context(
                path + ":" + std::to_string(entry.line) + ": " + entry.name);
        }
    }
    return options;
}

}  // namespace

Result<StartOptions> parse_start(Arguments arguments)
{
    auto options = parse_for_xl(start_command(), arguments);
    if (!options || options->help || options->version) {
        return options;
    }
    if (!options->config.empty()) {
        auto from_file = read_start_file(options->config);
        if (!from_file) {
            return from_file.error();
        }
        // Once more: what was typed counts, not what the file says.
        options = parse_for_xl(start_command(), arguments,
                               std::move(*from_file));
    }
    if (options->domain.empty() || options->host.empty()) {
        return usage(options->config.empty()
                         ? "wants DOMAIN HOST; see --help"
                         : options->config + " names no host");
    }
    options->verbose += std::clamp(option_of_xl("XL_VERBOSE"), 0, 2);
    // Else ssh would take it for an option of its own.
    if (!options->ssh_command.empty() &&
        options->host.starts_with('-')) {
        return usage("\"" + options->host + "\" is not the name of a host");
    }
    return options;
}

Result<ReceiveOptions> parse_receive(Arguments arguments)
{
    return parse(receive_command(), arguments);
}

Result<StatusOptions> parse_status(Arguments arguments)
{
    auto options = parse_for_xl(status_command(), arguments);
    if (options && options->openmetrics && (options->json || options->watch)) {
        return usage("--openmetrics goes with neither --json nor --watch");
    }
    return options;
}

Result<StopOptions> parse_stop(Arguments arguments)
{
    return parse_for_xl(stop_command(), arguments);
}

Result<FailoverOptions> parse_failover(Arguments arguments)
{
    return parse_for_xl(failover_command(), arguments);
}

Result<KeepOptions> parse_keep(Arguments arguments)
{
    return parse_for_xl(keep_command(), arguments);
}

Result<ReplicateOptions> parse_replicate(Arguments arguments)
{
    return parse_for_xl(replicate_command(), arguments);
}

std::string help_start() { return help(start_command()); }
std::string help_receive() { return help(receive_command()); }
std::string help_status() { return help(status_command()); }
std::string help_stop() { return help(stop_command()); }
std::string help_failover() { return help(failover_command()); }
std::string help_keep() { return help(keep_command()); }
std::string help_replicate() { return help(replicate_command()); }

}  // namespace xl_colo
