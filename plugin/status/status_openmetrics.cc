#include "status/status_openmetrics.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "status/all_kinds.h"
#include "status/figures.h"

namespace xl_colo {

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

constexpr const char* units[] = {"seconds", "pages", "bytes"};

// A name may be any bytes; the format is UTF-8.
std::string escaped(const std::string& text)
{
    std::string result;
    for (const char c : text) {
        if (c == '\n') {
            result += "\\n";
        } else if (c == '"' || c == '\\') {
            result += {'\\', c};
        } else {
            result += c;
        }
    }
    if (is_utf8(result)) {
        return result;
    }
    std::ranges::replace_if(
        result, [](char c) { return static_cast<unsigned char>(c) > 0x7f; },
        '?');
    return result;
}

// Microseconds as seconds, exactly.
std::string seconds(int64_t us)
{
    constexpr int64_t second = 1'000'000;
    char text[40];
    std::snprintf(text, sizeof text, "%lld.%06lld",
                  static_cast<long long>(us / second),
                  static_cast<long long>(us % second));
    std::string result = text;
    result.erase(result.find_last_not_of('0') + 1);
    return result.ends_with('.') ? result + "0" : result;
}

std::string seconds_of(WallClock::time_point time)
{
    return seconds(std::chrono::duration_cast<Microseconds>(
                       time.time_since_epoch())
                       .count());
}

std::string in_unit(FigureUnit unit, uint64_t value)
{
    return unit == FigureUnit::microseconds
               ? seconds(static_cast<int64_t>(value))
               : std::to_string(value);
}

// "pause-us" is "pause_seconds". A single letter counts as a unit there.
std::string metric_of(std::string key)
{
    constexpr std::pair<const char*, const char*> letters[] = {
        {"a-pages", "dirtied_by_primary_pages"},
        {"b-pages", "dirtied_by_secondary_pages"},
        {"d-pages", "dirtied_pages"}};
    for (const auto& [letter, name] : letters) {
        if (key == letter) {
            return name;
        }
    }
    std::ranges::replace(key, '-', '_');
    if (key.ends_with("_us")) {
        key.replace(key.size() - 2, 2, units[0]);
    }
    return key;
}

// The text as it grows: a family is begun, then has its samples.
class Families {
public:
    void begin(const std::string& name, const std::string& help,
               const char* unit = nullptr)
    {
        name_ = "xl_colo_" + name;
        text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ +
                 " gauge\n";
        if (unit) {
            text_ += "# UNIT " + name_ + " " + unit + "\n";
        }
    }
    void sample(const Labels& labels, const std::string& value)
    {
        text_ += name_ + "{";
        const char* between = "";
        for (const auto& [label, its_value] : labels) {
            text_ += between + label + "=\"" + escaped(its_value) + "\"";
            between = ",";
        }
        text_ += "} " + value + "\n";
    }
    void sample(const Labels& labels, bool value)
    {
        sample(labels, std::string(value ? "1" : "0"));
    }
    std::string take() { return std::move(text_) + "# EOF\n"; }

private:
    std::string name_, text_;
};

Labels of(const SessionStatus& status)
{
    return {{"domain", status.domain}};
}

// ---- what each part has ----------------------------------------------------

using Known = std::vector<const SessionStatus*>;
using Reports = std::vector<DomainReport>;

// Here, to be protected, and without a process that says so.
bool waits_for_protection(const DomainReport& report)
{
    return !report.has_process() && report.keeper &&
           (report.keeper->state == KeeperState::starting ||
            report.keeper->state == KeeperState::waiting ||
            report.keeper->state == KeeperState::admin);
}

void write_states(Families& out, const Known& known, const Reports& reports)
{
    out.begin("guest_info", "Role of this host, and the other one.");
    for (const auto* s : known) {
        out.sample({{"domain", s->domain},
                    {"role", to_string(s->role)},
                    {"peer", s->peer}},
                   true);
    }
    out.begin("protected",
              "Whether the guest survives the loss of the primary's host.");
    for (const auto* s : known) {
        out.sample(of(*s), s->state == State::protecting);
    }
    for (const DomainReport& report : reports) {
        if (waits_for_protection(report)) {
            out.sample({{"domain", report.domain}}, false);
        }
    }
    out.begin("state", "1 for the state that the guest is in.");
    for (const auto* s : known) {
        for (const State state : all_states) {
            out.sample({{"domain", s->domain}, {"state", to_string(state)}},
                       s->state == state);
        }
    }
    out.begin("state_since_timestamp_seconds",
              "When it came into that state, since 1970.", "seconds");
    for (const auto* s : known) {
        out.sample(of(*s), seconds_of(s->since));
    }
    out.begin("warning", "1 for what an admin has to look into.");
    for (const auto* s : known) {
        for (const WarningKind kind : all_warning_kinds) {
            out.sample({{"domain", s->domain}, {"kind", to_string(kind)}},
                       s->warning(kind) != nullptr);
        }
    }
    out.begin("may_run_on_both",
              "Whether the guest may be running on both hosts.");
    for (const auto* s : known) {
        out.sample(of(*s), s->warning(WarningKind::guest_twice) != nullptr);
    }
}

void write_keepers(Families& out, const Reports& reports)
{
    std::vector<std::pair<std::string, const KeeperStatus*>> keepers;
    out.begin("keeper_answering",
              "Whether the xl-colo-keep that looks after the guest answers.");
    for (const DomainReport& report : reports) {
        if (report.keeper || report.keeper_error) {
            out.sample({{"domain", report.domain}}, report.keeper.has_value());
        }
        if (report.keeper) {
            keepers.emplace_back(report.domain, &*report.keeper);
        }
    }
    out.begin("keeper_state", "1 for what it does.");
    for (const auto& [domain, k] : keepers) {
        for (const KeeperState state : all_keeper_states) {
            out.sample({{"domain", domain}, {"state", to_string(state)}},
                       k->state == state);
        }
    }
    out.begin("keeper_failed_starts",
              "Starts that failed since the guest was last protected.");
    for (const auto& [domain, k] : keepers) {
        out.sample({{"domain", domain}}, std::to_string(k->failed_starts));
    }
    out.begin("keeper_trying_since_timestamp_seconds",
              "Since when it tries to have the guest protected.", units[0]);
    for (const auto& [domain, k] : keepers) {
        if (k->trying_since) {
            out.sample({{"domain", domain}}, seconds_of(*k->trying_since));
        }
    }
    out.begin("keeper_next_start_timestamp_seconds",
              "When it tries again.", units[0]);
    for (const auto& [domain, k] : keepers) {
        if (k->next_start) {
            out.sample({{"domain", domain}}, seconds_of(*k->next_start));
        }
    }
}

void write_checkpoints(Families& out, const Known& known,
                       WallClock::time_point now)
{
    out.begin("interval_seconds", "From one checkpoint to the next, as asked.",
              units[0]);
    for (const auto* s : known) {
        out.sample(of(*s), seconds(Microseconds(s->interval).count()));
    }
    out.begin("copy_runs",
              "Whether the copy runs now, where that is chosen by measuring.");
    for (const auto* s : known) {
        if (s->output.copy_runs && s->state == State::protecting) {
            out.sample(of(*s), *s->output.copy_runs);
        }
    }
    out.begin("answer_wait_seconds",
              "How long an answer of the guest waits in the mean, where the "
              "copy runs and where it stands.",
              units[0]);
    for (const auto* s : known) {
        for (const auto& [copy, wait] :
             {std::pair("runs", s->output.wait_copy_runs),
              std::pair("stands", s->output.wait_copy_stands)}) {
            if (wait) {
                out.sample({{"domain", s->domain}, {"copy", copy}},
                           seconds(wait->count()));
            }
        }
    }
    out.begin("checkpoints",
              "Checkpoints that stand, of this session, with the first copy.");
    for (const auto* s : known) {
        out.sample(of(*s), std::to_string(s->checkpoints));
    }
    out.begin("verified_checkpoints",
              "Those of which all memory was compared and found equal.");
    for (const auto* s : known) {
        out.sample(of(*s), std::to_string(s->verified));
    }
    Known with_last = known;
    std::erase_if(with_last, [](const auto* s) { return !s->last; });
    out.begin("checkpoint_number", "Number of the last checkpoint.");
    for (const auto* s : with_last) {
        out.sample(of(*s), std::to_string(s->last->number.value()));
    }
    out.begin("checkpoint_taken_timestamp_seconds",
              "When the last checkpoint was taken, by the primary's clock, "
              "since 1970.",
              units[0]);
    for (const auto* s : with_last) {
        out.sample(of(*s), seconds_of(s->last->taken));
    }
    out.begin("checkpoint_age_seconds",
              "Time since then, when this was written.", units[0]);
    for (const auto* s : with_last) {
        const auto age = std::chrono::duration_cast<Microseconds>(
            now - s->last->taken);
        // The secondary goes by the primary's clock, which may be ahead.
        out.sample(of(*s), seconds(std::max<int64_t>(age.count(), 0)));
    }
    for (const Figure& figure : figures) {
        const char* unit = units[static_cast<size_t>(figure.unit)];
        out.begin("checkpoint_" + metric_of(figure.key),
                  std::string("The last checkpoint: ") + figure.label + ".",
                  unit);
        for (const auto* s : with_last) {
            if (const auto value = figure.get(*s->last)) {
                out.sample(of(*s), in_unit(figure.unit, *value));
            }
        }
    }
    out.begin("recent_pause_max_seconds",
              "The longest pause of the recent checkpoints.", units[0]);
    for (const auto* s : known) {
        if (const auto value = max_of(figures.front(), *s)) {
            out.sample(of(*s), in_unit(figures.front().unit, *value));
        }
    }
}

}  // namespace

std::string reports_to_openmetrics(const std::vector<DomainReport>& reports,
                                   const std::vector<std::string>& marked,
                                   WallClock::time_point now)
{
    Known known;
    Families out;
    out.begin("answering",
              "Whether the process that protects the guest answers.");
    for (const DomainReport& report : reports) {
        if (report.has_process()) {
            out.sample({{"domain", report.domain}}, report.status.has_value());
        }
        if (report.status) {
            known.push_back(&*report.status);
        }
    }
    out.begin("went_down_protecting",
              "1 for a guest that this host protected when it went down.");
    for (const std::string& domain : marked) {
        out.sample({{"domain", domain}}, true);
    }
    write_states(out, known, reports);
    write_keepers(out, reports);
    write_checkpoints(out, known, now);
    return out.take();
}

}  // namespace xl_colo
