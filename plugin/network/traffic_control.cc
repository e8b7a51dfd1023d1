#include "network/traffic_control.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/system_program.h"
#include "base/text.h"

namespace xl_colo {

namespace {

// Up to 16 s were seen for six calls, on an emulated host that was busy.
constexpr std::chrono::seconds tc_limit{60};

constexpr SystemProgram tc_program{"tc", "iproute2"};

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
Result<std::string> tc(const std::vector<std::string>& options,
                       const std::vector<std::string>& commands)
{
    std::string batch;
    for (const auto& command : commands) {
        batch += command + "\n";
    }
    std::vector<std::string> arguments = options;
    arguments.insert(arguments.end(), {"-batch", "-"});
    auto output = run_program(tc_program, arguments, batch, tc_limit);
    if (!output) {
        return output.error();
    }
    if (output->status != 0) {
        return Error(ErrorKind::io, said_by_tc(output->err, commands));
    }
    return std::move(output->out);
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
    const auto output = tc({}, commands);
    return output ? Status() : output.error();
}

Result<Filters> filters_of(const std::string& interface)
{
    const auto listed = tc({"-json"}, {"qdisc show dev " + interface});
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
        for (auto [key, block] :
             {std::pair("ingress_block", &filters.incoming_block),
              std::pair("egress_block", &filters.outgoing_block)}) {
            if (const auto number = qdisc.number(key); number) {
                *block = static_cast<unsigned>(*number);
            }
        }
    }
    for (auto [side, found] : {std::pair("ingress", &filters.incoming),
                               std::pair("egress", &filters.outgoing)}) {
        if (!filters.clsact) {
            break;
        }
        const auto shown =
            tc({}, {"filter show dev " + interface + " " + side});
        if (!shown) {
            return shown.error();
        }
        *found = preferences(*shown);
    }
    return filters;
}

}  // namespace xl_colo
