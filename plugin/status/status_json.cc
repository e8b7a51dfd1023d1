#include "status/status_json.h"

#include "status/all_kinds.h"
#include "status/figures.h"
#include "status/unix_time.h"

namespace xl_colo {

namespace {

// The members of one checkpoint; all null when there is none.
void write_checkpoint(JsonWriter& json, const std::string& prefix,
                      const std::optional<CheckpointFigures>& checkpoint)
{
    using Value = std::optional<uint64_t>;
    json.member(prefix + "number",
                checkpoint ? Value(checkpoint->number.value()) : Value());
    json.member(prefix + "taken-unix-us",
                checkpoint ? Value(unix_us(checkpoint->taken)) : Value());
    for (const Figure& figure : figures) {
        json.member(prefix + figure.key,
                    checkpoint ? figure.get(*checkpoint) : Value());
    }
}

Result<CheckpointFigures> read_checkpoint(const Json& json,
                                          const std::string& prefix)
{
    CheckpointFigures checkpoint;
    const auto number = json.number((prefix + "number").c_str());
    if (!number) {
        return number.error();
    }
    checkpoint.number = CheckpointNumber{*number};
    const auto taken = json.number((prefix + "taken-unix-us").c_str());
    if (!taken) {
        return taken.error();
    }
    checkpoint.taken = from_unix_us(*taken);
    for (const Figure& figure : figures) {
        const std::string key = prefix + figure.key;
        if (!json.has(key.c_str())) {
            continue;
        }
        const auto value = json.number(key.c_str());
        if (!value) {
            return value.error();
        }
        figure.set(checkpoint, *value);
    }
    return checkpoint;
}

// The members of that; all null when it is not known.
void write_output(JsonWriter& json, const OutputStatus& output)
{
    const auto some = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(text);
    };
    const auto us = [](const std::optional<Microseconds>& time) {
        return time ? std::optional(static_cast<uint64_t>(time->count()))
                    : std::nullopt;
    };
    json.member("output", some(output.mode));
    json.member("output-copy-runs", output.copy_runs);
    json.member("output-since-number",
                output.since ? std::optional(output.since->value())
                             : std::nullopt);
    json.member("output-because", some(output.why));
    json.member("output-wait-copy-runs-us", us(output.wait_copy_runs));
    json.member("output-wait-copy-stands-us", us(output.wait_copy_stands));
}

OutputStatus read_output(const Json& json, JsonMembers& read)
{
    OutputStatus output{read.maybe_text("output").value_or("")};
    if (json.has("output-copy-runs")) {
        output.copy_runs = read.flag("output-copy-runs");
    }
    if (json.has("output-since-number")) {
        output.since = CheckpointNumber{read.number("output-since-number")};
    }
    output.why = read.maybe_text("output-because").value_or("");
    const auto us = [&](const char* key) {
        return json.has(key) ? std::optional(Microseconds(read.number(key)))
                             : std::nullopt;
    };
    output.wait_copy_runs = us("output-wait-copy-runs-us");
    output.wait_copy_stands = us("output-wait-copy-stands-us");
    return output;
}

std::optional<Role> role_of(const std::string& name)
{
    for (const Role role : {Role::primary, Role::secondary}) {
        if (name == to_string(role)) {
            return role;
        }
    }
    return std::nullopt;
}

std::optional<State> state_of(const std::string& name)
{
    for (const State state : all_states) {
        if (name == to_string(state)) {
            return state;
        }
    }
    return std::nullopt;
}

std::optional<WarningKind> warning_kind_of(const std::string& name)
{
    for (const WarningKind kind : all_warning_kinds) {
        if (name == to_string(kind)) {
            return kind;
        }
    }
    return std::nullopt;
}

}  // namespace

void write_report(JsonWriter& json, const DomainReport& report,
                  WallClock::time_point now)
{
    // Without a status every member is there all the same, and null.
    const SessionStatus* s = report.status ? &*report.status : nullptr;
    const auto known = [s](auto value) {
        return s ? std::optional(value) : std::nullopt;
    };
    static const SessionStatus nothing;
    const SessionStatus& status = s ? *s : nothing;

    json.open_object();
    json.member("domain", report.domain);
    json.member("error", report.error);
    const uint64_t domid = status.domid.value();
    json.member("domid", domid ? std::optional(domid) : std::nullopt);
    json.member("role", known(std::string(to_string(status.role))));
    json.member("state", known(std::string(to_string(status.state))));
    json.member("since-unix-us", known(unix_us(status.since)));
    json.member("peer", status.peer.empty() ? std::nullopt
                                            : std::optional(status.peer));
    json.member("warning", status.warnings.empty()
                               ? std::nullopt
                               : std::optional(status.warnings.front().text));
    json.key("warnings");
    if (!s) {
        json.null();
    } else {
        json.open_list();
        for (const Warning& warning : status.warnings) {
            json.open_object()
                .member("kind", to_string(warning.kind))
                .member("text", warning.text)
                .close_object();
        }
        json.close_list();
    }
    json.key("devices");
    if (!s) {
        json.null();
    } else {
        json.open_list();
        for (const DeviceStatus& device : status.devices) {
            json.open_object()
                .member("name", device.name)
                .member("kind", device.kind)
                .member("text", device.text)
                .close_object();
        }
        json.close_list();
    }
    json.member("ended", status.ended);
    json.key("keeper");
    if (report.keeper) {
        write_keeper(json, *report.keeper);
    } else {
        json.null();
    }
    json.member("keeper-error", report.keeper_error);
    json.member("interval-ms",
                known(static_cast<uint64_t>(status.interval.count())));
    json.member("verify", known(status.verify));
    write_output(json, status.output);
    json.member("checkpoints", known(status.checkpoints));
    json.member("verified-checkpoints", known(status.verified));

    std::optional<uint64_t> age_ms;
    if (status.last) {
        const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(
            now - status.last->taken);
        // The secondary goes by the primary's clock, which may be ahead.
        age_ms = static_cast<uint64_t>(std::max<int64_t>(age.count(), 0));
    }
    json.member("last-age-ms", age_ms);
    json.member("last-because", status.last_because.empty()
                                    ? std::nullopt
                                    : std::optional(status.last_because));
    write_checkpoint(json, "last-", status.last);
    for (const Figure& figure : figures) {
        const std::string prefix = std::string("recent-") + figure.key;
        json.member(prefix + "-median", median_of(figure, status));
        json.member(prefix + "-max", max_of(figure, status));
    }
    json.key("recent");
    if (!s) {
        json.null();
    } else {
        json.open_list();
        for (const CheckpointFigures& checkpoint : status.recent) {
            json.open_object();
            write_checkpoint(json, "", checkpoint);
            json.close_object();
        }
        json.close_list();
    }
    json.close_object();
}

std::string reports_to_json(const std::vector<DomainReport>& reports,
                            WallClock::time_point now, bool indent)
{
    JsonWriter json(indent);
    json.open_list();
    for (const DomainReport& report : reports) {
        write_report(json, report, now);
    }
    json.close_list();
    return json.take();
}

Result<SessionStatus> status_from_json(const Json& object)
{
    JsonMembers read(object);
    SessionStatus status;
    status.domain = read.text("domain");
    if (object.has("domid")) {
        status.domid = Domid{static_cast<uint32_t>(read.number("domid"))};
    }
    status.role = read.named("role", role_of);
    status.state = read.named("state", state_of);
    status.since = from_unix_us(read.number("since-unix-us"));
    status.peer = read.maybe_text("peer").value_or("");
    for (const Json& warning :
         read.take(object.objects("warnings"), std::vector<Json>())) {
        JsonMembers its(warning);
        const auto kind = its.named("kind", warning_kind_of);
        status.warnings.push_back({kind, its.text("text")});
        if (its.error()) {
            return *its.error();
        }
    }
    for (const Json& device :
         read.take(object.objects("devices"), std::vector<Json>())) {
        JsonMembers its(device);
        status.devices.push_back(
            {its.text("name"), its.text("kind"), its.text("text")});
        if (its.error()) {
            return *its.error();
        }
    }
    status.ended = read.maybe_text("ended");
    status.interval = std::chrono::milliseconds(
        static_cast<int64_t>(read.number("interval-ms")));
    status.verify = read.flag("verify");
    status.output = read_output(object, read);
    status.checkpoints = read.number("checkpoints");
    status.verified = read.number("verified-checkpoints");
    if (object.has("last-number")) {
        status.last = read.take(read_checkpoint(object, "last-"), {});
        status.last_because = read.maybe_text("last-because").value_or("");
    }
    for (const Json& checkpoint :
         read.take(object.objects("recent"), std::vector<Json>())) {
        status.recent.push_back(read.take(read_checkpoint(checkpoint, ""), {}));
    }
    if (read.error()) {
        return *read.error();
    }
    return status;
}

}  // namespace xl_colo
