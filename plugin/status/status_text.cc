#include "status/status_text.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "status/figures.h"

namespace xl_colo {

namespace {

using namespace std::chrono_literals;
using Value = std::optional<uint64_t>;

constexpr size_t screen = 80;

[[gnu::format(printf, 1, 2)]] std::string format(const char* how, ...)
{
    std::array<char, 256> text{};
    va_list arguments;
    va_start(arguments, how);
    std::vsnprintf(text.data(), text.size(), how, arguments);
    va_end(arguments);
    return text.data();
}

// At most five characters, in the largest unit that leaves two digits.
std::string short_time(WallClock::duration time)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time);
    const long long count = std::max<long long>(ms.count(), 0);
    if (ms < 1s) {
        return format("%lldms", count);
    }
    if (ms < 10s) {
        return format("%lld.%llds", count / 1000, count % 1000 / 100);
    }
    if (ms < 100s) {
        return format("%llds", count / 1000);
    }
    if (ms < 100min) {
        return format("%lldm", count / 60000);
    }
    if (ms < 48h) {
        return format("%lldh", count / 3600000);
    }
    return format("%lldd", count / 86400000);
}

std::string with_unit(Value value, FigureUnit unit)
{
    if (!value) {
        return "-";
    }
    const auto number = static_cast<double>(*value);
    switch (unit) {
    case FigureUnit::microseconds:
        return format("%.1f ms", number / 1000);
    case FigureUnit::pages:
        return format("%llu pages", static_cast<unsigned long long>(*value));
    case FigureUnit::bytes:
        break;
    }
    if (*value < 10240) {
        return format("%llu B", static_cast<unsigned long long>(*value));
    }
    if (*value < 10 << 20) {
        return format("%.0f KiB", number / 1024);
    }
    return format("%.1f MiB", number / (1 << 20));
}

// The end of a word that is too long is given up, and marked.
std::string fitted(const std::string& text, size_t width)
{
    return text.size() <= width ? text : text.substr(0, width - 1) + "~";
}

// A message behind a label, over as many lines as it takes.
std::string paragraph(const std::string& label, const std::string& message)
{
    const size_t indent = std::min(label.size(), screen / 2);
    std::string text = label;
    size_t column = label.size();
    for (size_t begin = 0; begin < message.size();) {
        const size_t end = std::min(message.find(' ', begin), message.size());
        if (column > indent && column + 1 + end - begin > screen) {
            text += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (begin > 0) {
            text += ' ';
            ++column;
        }
        text += message.substr(begin, end - begin);
        column += end - begin;
        begin = end + 1;
    }
    return text + "\n";
}

std::string local_time(WallClock::time_point time)
{
    const std::time_t seconds = WallClock::to_time_t(time);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return text.data();
}

std::string row(const std::array<std::string, 9>& cells)
{
    // Together with the spaces in between: 80.
    return format("%-14s %-9s %-11s %-11s %5s %6s %5s %5s %6s\n",
                  fitted(cells[0], 14).c_str(), cells[1].c_str(),
                  cells[2].c_str(), fitted(cells[3], 11).c_str(),
                  cells[4].c_str(), cells[5].c_str(), cells[6].c_str(),
                  cells[7].c_str(), cells[8].c_str());
}

const KeeperStatus* keeper_of(const DomainReport& report)
{
    return report.keeper ? &*report.keeper : nullptr;
}

std::string row_of(const DomainReport& report, WallClock::time_point now)
{
    if (!report.status) {
        const KeeperStatus* k = report.error ? nullptr : keeper_of(report);
        return k ? row({report.domain, "-", to_string(k->state), k->peer,
                        short_time(now - k->trying_since.value_or(k->since)),
                        "-", "-", "-", "-"})
                 : row({report.domain, "-", "stale", "-", "-", "-", "-", "-",
                        "-"});
    }
    const SessionStatus& s = *report.status;
    std::string age = "-", pause = "-", pages = "-";
    if (s.last) {
        age = short_time(now - s.last->taken);
        pause = short_time(s.last->pause);
        pages = std::to_string(s.last->d.value());
    }
    return row({report.domain, to_string(s.role), to_string(s.state),
                s.peer.empty() ? "-" : s.peer, short_time(now - s.since),
                std::to_string(s.checkpoints), age, pause, pages});
}

// What an admin should read, if anything.
std::string remarks(const DomainReport& report, const std::string& indent)
{
    std::string text;
    if (report.error) {
        text += paragraph(indent + "error: ", *report.error);
    }
    if (!report.status) {
        return text;
    }
    for (const Warning& warning : report.status->warnings) {
        text += paragraph(indent + "warning: ", warning.text);
    }
    if (report.status->ended) {
        text += paragraph(indent + "ended: ", *report.status->ended);
    }
    return text;
}

std::string what_it_does(const KeeperStatus& k, WallClock::time_point now)
{
    std::string text;
    switch (k.state) {
    case KeeperState::looking:
        return "cannot look at the guest: " + k.text;
    case KeeperState::resting:
        return k.text;
    case KeeperState::elsewhere:
        return "waits for the guest: " + k.text;
    case KeeperState::admin:
        return "leaves it to an admin to say who has the guest: " + k.text;
    case KeeperState::starting:
        text = "tries to have it protected with " + k.peer;
        break;
    case KeeperState::waiting:
        text = "tries again " +
               (k.next_start && *k.next_start > now
                    ? "in " + short_time(*k.next_start - now)
                    : std::string("now")) +
               " to have it protected with " + k.peer;
        break;
    }
    if (k.trying_since) {
        text += ", since " + local_time(*k.trying_since);
    }
    if (k.failed_starts > 0) {
        text += "; " + std::to_string(k.failed_starts) +
                (k.failed_starts == 1 ? " start has" : " starts have") +
                " failed";
    }
    return text;
}

std::string keeper_lines(const DomainReport& report, const std::string& indent,
                         WallClock::time_point now)
{
    std::string text;
    if (report.keeper_error) {
        text += paragraph(indent + "keeper: ", *report.keeper_error);
    }
    const KeeperStatus* k = keeper_of(report);
    if (!k) {
        return text;
    }
    text += paragraph(indent + "keeper: ", what_it_does(*k, now));
    // Why protection ended has been said where its process is still there.
    if (k->last_failure &&
        !(report.status && report.status->ended == k->last_failure->text)) {
        text += paragraph(indent + "failed: ",
                          short_time(now - k->last_failure->when) + " ago, " +
                              k->last_failure->text);
    }
    return text;
}

// "auto, the copy runs since checkpoint 12: ...", as long as there is one.
std::string output_in_words(const SessionStatus& s)
{
    const OutputStatus& output = s.output;
    std::string text = output.mode;
    if (s.state != State::protecting) {
        return text;
    }
    if (output.since) {
        text += std::string(", the copy ") +
                (output.copy_runs.value_or(false) ? "runs" : "stands") +
                " since checkpoint " + std::to_string(output.since->value());
    }
    return text + (output.why.empty() ? "" : ": " + output.why);
}

std::string device_lines(const SessionStatus& s, const std::string& indent)
{
    std::string text;
    for (const DeviceStatus& device : s.devices) {
        text += paragraph(indent + device.name + ": ", device.text);
    }
    return text;
}

std::string figure_lines(const SessionStatus& s)
{
    std::string text =
        format("\n  %-31s %14s %14s %14s\n", "of the checkpoints", "last",
               "median", "max");
    for (const Figure& figure : figures) {
        const Value last = s.last ? figure.get(*s.last) : Value();
        text += format("  %-31s %14s %14s %14s\n", figure.label,
                       with_unit(last, figure.unit).c_str(),
                       with_unit(median_of(figure, s), figure.unit).c_str(),
                       with_unit(max_of(figure, s), figure.unit).c_str());
    }
    return text + format("  median and max are those of the last %zu, without "
                         "the initial copy\n",
                         s.recent.size());
}

}  // namespace

std::string status_table(const std::vector<DomainReport>& reports,
                         WallClock::time_point now)
{
    if (reports.empty()) {
        return "no domain is protected on this host\n";
    }
    std::string text = row({"DOMAIN", "ROLE", "STATE", "PEER", "SINCE",
                            "CHECKS", "AGE", "PAUSE", "PAGES"});
    for (const DomainReport& report : reports) {
        text += row_of(report, now) + remarks(report, "  ");
        // One that rests has nothing to tell beside the guest's own process.
        if (report.keeper_error ||
            (report.keeper && report.keeper->state != KeeperState::resting)) {
            text += keeper_lines(report, "  ", now);
        }
    }
    return text;
}

std::string status_detail(const DomainReport& report,
                          WallClock::time_point now)
{
    const std::string keeper =
        (report.keeper
             ? paragraph("  kept by: ",
                         "xl-colo-keep " + report.keeper->config +
                             ", process " + std::to_string(report.keeper->pid))
             : "") +
        keeper_lines(report, "  ", now);
    if (!report.status) {
        return paragraph(report.domain + ": ",
                         report.error.value_or(
                             "no process protects it on this host")) +
               keeper;
    }
    const SessionStatus& s = *report.status;
    std::string text = report.domain + "\n";
    text += paragraph("  role: ", to_string(s.role));
    if (s.domid != Domid{}) {
        text += paragraph("  domid: ", std::to_string(s.domid.value()));
    }
    if (!s.peer.empty()) {
        text += paragraph("  peer: ", s.peer);
    }
    text += paragraph("  state: ", std::string(to_string(s.state)) + " since " +
                                       local_time(s.since) + ", for " +
                                       short_time(now - s.since));
    std::string count = std::to_string(s.checkpoints);
    if (s.verify) {
        count += ", of which " + std::to_string(s.verified) +
                 " were compared and found equal";
    }
    text += paragraph("  checkpoints: ", count);
    text += paragraph("  interval: ",
                      std::to_string(s.interval.count()) + " ms");
    if (s.last) {
        text += paragraph("  last: ", "number " +
                                          std::to_string(
                                              s.last->number.value()) +
                                          ", taken " +
                                          short_time(now - s.last->taken) +
                                          " ago" +
                                          (s.last_because.empty()
                                               ? ""
                                               : ", because " +
                                                     s.last_because));
    }
    if (!s.output.mode.empty()) {
        text += paragraph("  output: ", output_in_words(s));
    }
    text += device_lines(s, "  ") + remarks(report, "  ") + keeper;
    return s.last ? text + figure_lines(s) : text;
}

}  // namespace xl_colo
