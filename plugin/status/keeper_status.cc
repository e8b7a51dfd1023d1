#include "status/keeper_status.h"

#include "status/unix_time.h"

namespace xl_colo {

namespace {

std::optional<KeeperState> state_of(const std::string& name)
{
    for (const KeeperState state : all_keeper_states) {
        if (name == to_string(state)) {
            return state;
        }
    }
    return std::nullopt;
}

using MaybeTime = std::optional<WallClock::time_point>;

std::optional<uint64_t> maybe_unix_us(const MaybeTime& time)
{
    return time ? std::optional(unix_us(*time)) : std::nullopt;
}

MaybeTime maybe_time(JsonMembers& read, const Json& object, const char* key)
{
    return object.has(key) ? MaybeTime(from_unix_us(read.number(key)))
                           : std::nullopt;
}

}  // namespace

const char* to_string(KeeperState state)
{
    switch (state) {
    case KeeperState::looking: return "looking";
    case KeeperState::resting: return "resting";
    case KeeperState::elsewhere: return "elsewhere";
    case KeeperState::starting: return "starting";
    case KeeperState::waiting: return "waiting";
    case KeeperState::admin: return "admin";
    }
    return "?";
}

void write_keeper(JsonWriter& json, const KeeperStatus& k)
{
    const auto& failure = k.last_failure;
    json.open_object();
    json.member("pid", static_cast<uint64_t>(k.pid));
    json.member("config", k.config);
    json.member("peer", k.peer);
    json.member("state", to_string(k.state));
    json.member("since-unix-us", unix_us(k.since));
    json.member("text", k.text);
    json.member("trying-since-unix-us", maybe_unix_us(k.trying_since));
    json.member("failed-starts", k.failed_starts);
    json.member("next-start-unix-us", maybe_unix_us(k.next_start));
    json.member("last-failure",
                failure ? std::optional(failure->text) : std::nullopt);
    json.member("last-failure-unix-us",
                failure ? std::optional(unix_us(failure->when))
                        : std::nullopt);
    json.close_object();
}

Result<KeeperStatus> keeper_from_json(const Json& object)
{
    JsonMembers read(object);
    KeeperStatus k;
    k.pid = static_cast<pid_t>(read.number("pid"));
    k.config = read.text("config");
    k.peer = read.text("peer");
    k.state = read.named("state", state_of);
    k.since = from_unix_us(read.number("since-unix-us"));
    k.text = read.text("text");
    k.trying_since = maybe_time(read, object, "trying-since-unix-us");
    k.failed_starts = read.number("failed-starts");
    k.next_start = maybe_time(read, object, "next-start-unix-us");
    if (object.has("last-failure")) {
        k.last_failure = {read.text("last-failure"),
                          from_unix_us(read.number("last-failure-unix-us"))};
    }
    if (read.error()) {
        return *read.error();
    }
    return k;
}

KeeperBoard::KeeperBoard(KeeperStatus initial) : status_(std::move(initial))
{
    status_.since = WallClock::now();
}

KeeperStatus KeeperBoard::read() const
{
    const std::lock_guard lock(mutex_);
    return status_;
}

void KeeperBoard::enter(KeeperState state, const std::string& text)
{
    if (status_.state != state) {
        status_.state = state;
        status_.since = WallClock::now();
    }
    status_.text = text;
    status_.next_start = std::nullopt;
}

void KeeperBoard::try_since_now()
{
    if (!status_.trying_since) {
        status_.trying_since = status_.since;
    }
}

void KeeperBoard::find(KeeperState state, const std::string& text)
{
    const std::lock_guard lock(mutex_);
    enter(state, text);
    if (state == KeeperState::elsewhere) {
        status_.trying_since = std::nullopt;
        status_.failed_starts = 0;
    }
}

void KeeperBoard::begin_start()
{
    const std::lock_guard lock(mutex_);
    enter(KeeperState::starting, "xl-colo-start is under way");
    try_since_now();
}

void KeeperBoard::fail_start(const std::string& why)
{
    const std::lock_guard lock(mutex_);
    ++status_.failed_starts;
    status_.last_failure = {why, WallClock::now()};
}

void KeeperBoard::wait_until(WallClock::time_point next_start)
{
    const std::lock_guard lock(mutex_);
    enter(KeeperState::waiting, "until xl-colo-start is tried again");
    try_since_now();
    status_.next_start = next_start;
}

void KeeperBoard::find_protected(const std::string& text)
{
    const std::lock_guard lock(mutex_);
    enter(KeeperState::resting, text);
    status_.trying_since = std::nullopt;
    status_.failed_starts = 0;
}

void KeeperBoard::note_loss(const std::string& why, WallClock::time_point when)
{
    const std::lock_guard lock(mutex_);
    auto& last = status_.last_failure;
    if (!last || last->when < when) {
        last = {why, when};
    }
}

}  // namespace xl_colo
