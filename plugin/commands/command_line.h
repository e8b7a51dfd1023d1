// Reads a command line by a table, and prints the table as --help. It knows no
// command: a row says what its option does to the struct of options. Parser and
// help read the same table, so they agree; a test holds the man pages against
// the help.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// The words after the command's name.
using Arguments = std::span<const std::string>;

// ---- values ----------------------------------------------------------------

Error usage(const std::string& text);

// A whole number from 1 up to `most`. Digits only: no sign, no space.
std::optional<uint64_t> parse_count(std::string_view text, uint64_t most);

// "500ms", "2s", or a number of `unit`, up to an hour.
Status set_duration(std::chrono::milliseconds& to, const std::string& text,
                    std::chrono::milliseconds unit);

// "512M", "1G", "64K", or a number of MiB, as xl has it; up to 1 TiB. 0 is one.
Status set_size(std::optional<Bytes>& to, const std::string& text);

// ---- the table -------------------------------------------------------------

struct OptionText {
    char letter;           // 0: there is only the long name
    const char* name;
    const char* argument;  // what --help calls it; nullptr: it takes none
    std::string help;      // lines of at most 52 characters
};

template <typename Options>
struct Row : OptionText {
    std::function<Status(Options&, const std::string&)> apply;
};

template <typename Options>
Row<Options> flag(char letter, const char* name, const char* help,
                  bool Options::*member)
{
    return {{letter, name, nullptr, help},
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

// With -h and --version, which every command has.
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

// ---- reading and printing --------------------------------------------------

// Calls found(i, value) for each option in turn, rows[i] being what it is, and
// returns the operands. Errors: usage; those of found(), with the option as it
// was typed in front.
using OptionFound = std::function<Status(size_t row, const std::string& value)>;
Result<std::vector<std::string>> read_words(
    const char* command, const std::vector<OptionText>& rows,
    Arguments arguments, const OptionFound& found);

std::string help_text(const char* command, const char* operands,
                      const char* purpose,
                      const std::vector<OptionText>& rows);

template <typename Options>
std::string help(const Command<Options>& command)
{
    return help_text(command.name, command.operands, command.purpose,
                     {command.rows.begin(), command.rows.end()});
}

// Onto `options`, which may hold what was said elsewhere.
template <typename Options>
Result<Options> parse(const Command<Options>& command, Arguments arguments,
                      Options options = {})
{
    const auto operands = read_words(
        command.name, {command.rows.begin(), command.rows.end()}, arguments,
        [&](size_t row, const std::string& value) {
            return command.rows[row].apply(options, value);
        });
    if (!operands) {
        return operands.error();
    }
    if (options.help || options.version) {
        return options;
    }
    if (operands->size() < command.required) {
        return usage(std::string("wants ") + command.operands +
                     "; see --help");
    }
    if (operands->size() > command.places.size()) {
        return usage("there is no use for \"" +
                     (*operands)[command.places.size()] + "\"");
    }
    for (size_t i = 0; i < operands->size(); ++i) {
        if ((*operands)[i].empty()) {
            return usage("an operand is empty");
        }
        command.places[i](options, (*operands)[i]);
    }
    return options;
}

}  // namespace xl_colo
