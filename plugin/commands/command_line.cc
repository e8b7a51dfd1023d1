#include "commands/command_line.h"

#include <getopt.h>

#include <charconv>

namespace xl_colo {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds longest = 1h;

Result<std::chrono::milliseconds> parse_duration(
    const std::string& text, std::chrono::milliseconds unit)
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

// getopt_long answers with these for a row that has no letter.
constexpr int first_long = 256;

// The word as it was typed, for messages.
std::string spelling(const OptionText& row, bool as_letter)
{
    return as_letter ? std::string("-") + row.letter
                     : std::string("--") + row.name;
}

}  // namespace

Error usage(const std::string& text)
{
    return {ErrorKind::usage, text};
}

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

Status set_duration(std::chrono::milliseconds& to, const std::string& text,
                    std::chrono::milliseconds unit)
{
    auto duration = parse_duration(text, unit);
    if (!duration) {
        return duration.error();
    }
    to = *duration;
    return {};
}

Status set_size(std::optional<Bytes>& to, const std::string& text)
{
    constexpr uint64_t most = uint64_t{1} << 40;
    std::string digits = text;
    unsigned shift = 20;
    for (const auto& [letter, bits] :
         {std::pair{'K', 10u}, {'M', 20u}, {'G', 30u}}) {
        if (!digits.empty() && std::toupper(digits.back()) == letter) {
            digits.pop_back();
            shift = bits;
            break;
        }
    }
    const auto count = digits == "0" ? uint64_t{0}
                                     : parse_count(digits, most >> shift);
    if (!count) {
        return usage("\"" + text +
                     "\" is not a size from 0 to 1024G, such as 64M or 1G");
    }
    to = Bytes{*count << shift};
    return {};
}

Result<std::vector<std::string>> read_words(
    const char* command, const std::vector<OptionText>& rows,
    Arguments arguments, const OptionFound& found)
{
    std::string letters = ":";
    std::vector<option> longs;
    for (size_t i = 0; i < rows.size(); ++i) {
        const auto& row = rows[i];
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
    std::string name = command;
    std::vector<std::string> words(arguments.begin(), arguments.end());
    std::vector<char*> argv{name.data()};
    for (auto& word : words) {
        argv.push_back(word.data());
    }
    const int argc = static_cast<int>(argv.size());
    argv.push_back(nullptr);

    optind = 0;  // glibc: start anew
    opterr = 0;
    for (;;) {
        const int answer = getopt_long(argc, argv.data(), letters.c_str(),
                                       longs.data(), nullptr);
        if (answer == -1) {
            break;
        }
        if (answer == '?' || answer == ':') {
            // A letter may sit anywhere in its word; a long name is the word
            // that getopt has just passed.
            const bool letter = optopt > 0 && optopt < first_long;
            const std::string typed =
                letter ? std::string("-") + static_cast<char>(optopt)
                       : std::string(argv[static_cast<size_t>(optind - 1)]);
            if (answer == ':') {
                return usage(typed + " needs an argument");
            }
            return usage(optopt >= first_long
                             ? typed + ": that option takes no argument"
                             : "there is no option " + typed);
        }
        for (size_t i = 0; i < rows.size(); ++i) {
            const auto& row = rows[i];
            const bool as_letter = answer < first_long;
            if (as_letter ? answer != row.letter
                          : answer != first_long + static_cast<int>(i)) {
                continue;
            }
            auto applied = found(i, optarg ? optarg : "");
            if (!applied) {
                return applied.error().with_context(spelling(row, as_letter));
            }
        }
    }
    return std::vector<std::string>(argv.begin() + optind,
                                    argv.begin() + argc);
}

std::string help_text(const char* command, const char* operands,
                      const char* purpose,
                      const std::vector<OptionText>& rows)
{
    constexpr size_t column = 27;
    std::string text = std::string("Usage: ") + command + " [options]" +
                       (*operands ? " " : "") + operands +
                       "\n\n" + purpose + "\n\nOptions:\n";
    for (const auto& row : rows) {
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
        for (const char c : row.help) {
            left += c;
            if (c == '\n') {
                left.append(column, ' ');
            }
        }
        text += left + "\n";
    }
    return text;
}

}  // namespace xl_colo
