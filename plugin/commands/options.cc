// One table a command: each row is an option, its line in --help and what it
// does to the struct. Parser and help read the same table, so they agree; a
// test holds the man pages against the help.
#include "commands/options.h"

#include <getopt.h>

#include <charconv>
#include <functional>

namespace xl_colo {

namespace {

using namespace std::chrono_literals;

Error usage(const std::string& text)
{
    return {ErrorKind::usage, text};
}

// A whole number from 1 up to `most`. Digits only: no sign, no space.
std::optional<uint64_t> parse_count(std::string_view text, uint64_t most)
{
    uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value == 0 || value > most) {
        return std::nullopt;
    }
    return value;
}

constexpr Milliseconds longest = 1h;

// "500ms", "2s", or a number of the option's own unit.
Result<Milliseconds> parse_duration(const std::string& text, Milliseconds unit)
{
    std::string_view digits = text;
    if (digits.ends_with("ms")) {
        unit = 1ms;
        digits.remove_suffix(2);
    } else if (digits.ends_with("s")) {
        unit = 1s;
        digits.remove_suffix(1);
    }
    const auto count = parse_count(digits, longest / unit);
    if (!count) {
        return usage("\"" + text +
                     "\" is not a time from 1ms to 3600s, such as 500ms or 2s");
    }
    return static_cast<int64_t>(*count) * unit;
}

Status set_duration(Milliseconds& to, const std::string& text,
                    Milliseconds unit)
{
    auto duration = parse_duration(text, unit);
    if (!duration) {
        return duration.error();
    }
    to = *duration;
    return {};
}

template <typename Options>
struct Row {
    char letter;           // 0: there is only the long name
    const char* name;
    const char* argument;  // what --help calls it; nullptr: it takes none
    const char* help;
    std::function<Status(Options&, const std::string&)> apply;
};

template <typename Options>
Row<Options> flag(char letter, const char* name, const char* help,
                  bool Options::*member)
{
    return {letter, name, nullptr, help,
            [member](Options& options, const std::string&) -> Status {
                options.*member = true;
                return {};
            }};
}

template <typename Options>
struct Command {
    const char* name;
    const char* operands;  // as --help shows them
    const char* purpose;
    std::vector<Row<Options>> rows;
    // Each operand is stored here, in order; the last may be optional.
    std::vector<std::function<void(Options&, std::string)>> places;
    size_t required;
};

template <typename Options>
Command<Options> with_common(Command<Options> command)
{
    command.rows.push_back(flag<Options>('h', "help",
                                         "show this text and leave",
                                         &Options::help));
    command.rows.push_back(flag<Options>('\0', "version",
                                         "show the version and leave",
                                         &Options::version));
    return command;
}

// getopt_long answers with these for a row that has no letter.
constexpr int first_long = 256;

// The word as it was typed, for messages.
template <typename Options>
std::string spelling(const Row<Options>& row, bool as_letter)
{
    return as_letter ? std::string("-") + row.letter
                     : std::string("--") + row.name;
}

template <typename Options>
Result<Options> parse(const Command<Options>& command, Arguments arguments)
{
    std::string letters = ":";
    std::vector<option> longs;
    for (size_t i = 0; i < command.rows.size(); ++i) {
        const auto& row = command.rows[i];
        if (row.letter) {
            letters += row.letter;
            letters += row.argument ? ":" : "";
        }
        longs.push_back({row.name,
                         row.argument ? required_argument : no_argument,
                         nullptr, first_long + static_cast<int>(i)});
    }
    longs.push_back({nullptr, 0, nullptr, 0});

    // getopt permutes the pointers, not the words.
    std::string name = command.name;
    std::vector<std::string> words(arguments.begin(), arguments.end());
    std::vector<char*> argv{name.data()};
    for (auto& word : words) {
        argv.push_back(word.data());
    }
    const int argc = static_cast<int>(argv.size());
    argv.push_back(nullptr);

    Options options;
    optind = 0;  // glibc: start anew
    opterr = 0;
    for (;;) {
        const int found = getopt_long(argc, argv.data(), letters.c_str(),
                                      longs.data(), nullptr);
        if (found == -1) {
            break;
        }
        if (found == '?' || found == ':') {
            // A letter may sit anywhere in its word; a long name is the word
            // that getopt has just passed.
            const bool letter = optopt > 0 && optopt < first_long;
            const std::string typed =
                letter ? std::string("-") + static_cast<char>(optopt)
                       : std::string(argv[static_cast<size_t>(optind - 1)]);
            if (found == ':') {
                return usage(typed + " needs an argument");
            }
            return usage(optopt >= first_long
                             ? typed + ": that option takes no argument"
                             : "there is no option " + typed);
        }
        for (size_t i = 0; i < command.rows.size(); ++i) {
            const auto& row = command.rows[i];
            const bool as_letter = found < first_long;
            if (as_letter ? found != row.letter
                          : found != first_long + static_cast<int>(i)) {
                continue;
            }
            auto applied = row.apply(options, optarg ? optarg : "");
            if (!applied) {
                return applied.error().with_context(spelling(row, as_letter));
            }
        }
    }
    if (options.help || options.version) {
        return options;
    }

    const std::vector<std::string> operands(argv.begin() + optind,
                                            argv.begin() + argc);
    if (operands.size() < command.required) {
        return usage(std::string("wants ") + command.operands +
                     "; see --help");
    }
    if (operands.size() > command.places.size()) {
        return usage("there is no use for \"" +
                     operands[command.places.size()] + "\"");
    }
    for (size_t i = 0; i < operands.size(); ++i) {
        if (operands[i].empty()) {
            return usage("an operand is empty");
        }
        command.places[i](options, operands[i]);
    }
    return options;
}

template <typename Options>
std::string help(const Command<Options>& command)
{
    constexpr size_t column = 27;
    std::string text = std::string("Usage: ") + command.name + " [options]" +
                       (*command.operands ? " " : "") + command.operands +
                       "\n\n" + command.purpose + "\n\nOptions:\n";
    for (const auto& row : command.rows) {
        std::string left = row.letter ? std::string("  -") + row.letter + ", "
                                      : std::string("      ");
        left += std::string("--") + row.name;
        if (row.argument) {
            left += std::string("=") + row.argument;
        }
        if (left.size() + 2 > column) {
            left += '\n' + std::string(column, ' ');
        } else {
            left.resize(column, ' ');
        }
        for (const char* c = row.help; *c; ++c) {
            left += *c;
            if (*c == '\n') {
                left.append(column, ' ');
            }
        }
        text += left + "\n";
    }
    return text;
}

// ---- the tables ------------------------------------------------------------

Status add_without(StartOptions& options, const std::string& list)
{
    static const std::set<std::string> known{
        "f2", "f3", "f4", "back-channel", "elision", "digest", "pv-reset"};
    size_t begin = 0;
    while (begin <= list.size()) {
        const size_t end = std::min(list.find(',', begin), list.size());
        const std::string item = list.substr(begin, end - begin);
        if (!known.contains(item)) {
            return usage("\"" + item + "\" is none of f2, f3, f4, "
                         "back-channel, elision, digest, pv-reset");
        }
        options.without.insert(item);
        begin = end + 1;
    }
    return {};
}

template <typename Options>
Row<Options> verbose_row()
{
    return {'v', "verbose", nullptr, "say more; twice for libxl's debugging",
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
        "DOMAIN HOST",
        "Protects a running guest: keeps a copy of it on HOST, brought\n"
        "up to date by checkpoints, that takes over when this host is lost.",
        {
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
            {'\0', "fence", "COMMAND",
             "run by HOST's shell before it takes over by\n"
             "itself; only when it exits 0 does it",
             [](Options& o, const std::string& value) -> Status {
                 o.fence = value;
                 return {};
             }},
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
            flag<Options>('\0', "verify",
                          "compare every page on both hosts after each\n"
                          "checkpoint; a difference ends protection",
                          &Options::verify),
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
             "for tests: leave out f2, f3, f4, back-channel,\n"
             "elision, digest or pv-reset",
             add_without},
        },
        {
            [](Options& o, std::string word) { o.domain = std::move(word); },
            [](Options& o, std::string word) { o.host = std::move(word); },
        },
        2,
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
        {patience_row<StopOptions>()},
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

}  // namespace

Result<StartOptions> parse_start(Arguments arguments)
{
    auto options = parse(start_command(), arguments);
    // Else ssh would take it for an option of its own.
    if (options && !options->ssh_command.empty() &&
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
    return parse(status_command(), arguments);
}

Result<StopOptions> parse_stop(Arguments arguments)
{
    return parse(stop_command(), arguments);
}

Result<FailoverOptions> parse_failover(Arguments arguments)
{
    return parse(failover_command(), arguments);
}

std::string help_start() { return help(start_command()); }
std::string help_receive() { return help(receive_command()); }
std::string help_status() { return help(status_command()); }
std::string help_stop() { return help(stop_command()); }
std::string help_failover() { return help(failover_command()); }

}  // namespace xl_colo
