#include "status/status.h"

#include <algorithm>

#include "check.h"
#include "status/all_kinds.h"
#include "status/figures.h"
#include "status/status_json.h"
#include "status/status_openmetrics.h"
#include "status/status_text.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

const WallClock::time_point noon{1735732800s};  // 2025-01-01 12:00 UTC

CheckpointFigures checkpoint(uint64_t number)
{
    CheckpointFigures c;
    c.number = CheckpointNumber{number};
    c.pause = Microseconds(80000 + 1000 * number);
    c.acknowledge = Microseconds(5000 + 1000 * number);
    c.guest_suspend = Microseconds(10000 + 1000 * number);
    c.suspend = Microseconds(20000 + 1000 * number);
    c.copy = Microseconds(40000 + 1000 * number);
    c.buffer_wait = Microseconds(100 * number);
    c.disk_wait = Microseconds(50 * number);
    c.resume = Microseconds(10000 + 1000 * number);
    c.commit = Microseconds(200000 + 1000 * number);
    c.send = Microseconds(180000 + 1000 * number);
    c.both_run = Microseconds(240000 + 1000 * number);
    if (number > 0) {
        c.copy_pause = Microseconds(260000 + 1000 * number);
        c.copy_suspend = Microseconds(7000 + 1000 * number);
        c.copy_load = Microseconds(30000 + 1000 * number);
        c.a = Pages{2000 + number};
        c.b = Pages{1000 + number};
    }
    c.d = Pages{number == 0 ? 24576 : 3000 + number};
    c.left_out = Pages{2700 + number};
    c.zeros = Pages{number};
    c.saved = Bytes{4096 * 2700};
    c.copied = Bytes{4104 * (3000 + number)};
    c.to_secondary = Bytes{4096 * (3000 + number)};
    c.to_primary = Bytes{8 * (1000 + number)};
    c.taken = noon - 10s + std::chrono::seconds(number);
    return c;
}

SessionStatus protecting()
{
    SessionStatus s;
    s.domain = "guest1";
    s.domid = Domid{5};
    s.role = Role::primary;
    s.state = State::protecting;
    s.peer = "host2";
    s.since = noon - 754s;
    s.checkpoints = 10;
    for (uint64_t n = 1; n < 10; ++n) {
        s.recent.push_back(checkpoint(n));
    }
    s.last = s.recent.back();
    s.last_because = "output waits";
    s.interval = 1000ms;
    s.verify = true;
    s.verified = 10;
    s.devices = {{"xenstore and console", "pv-connection", "as it is"}};
    s.output = {"auto", true, CheckpointNumber{4},
                "an answer waits 3 ms where the copy runs, 41 ms where it "
                "stands",
                Microseconds(3120), Microseconds(41007)};
    return s;
}

SessionStatus copying()
{
    SessionStatus s;
    s.domain = "guest2";
    s.role = Role::secondary;
    s.state = State::copying;
    s.since = noon - 3700ms;
    s.interval = 250ms;
    s.output.mode = "commit";
    return s;
}

SessionStatus split()
{
    SessionStatus s = protecting();
    s.domain = "a-domain-with-quite-a-long-name";
    s.role = Role::secondary;
    s.state = State::taken_over;
    s.peer = "primary.example.org";
    s.since = noon - 72h;
    s.checkpoints = 259200;
    s.ended = "the primary is lost: no sign of life for 10000 ms";
    s.warnings = {
        {WarningKind::guest_twice,
         "the guest may still be running on primary.example.org: check with "
         "\"xl list\" there, and destroy it before its network is back"},
        {WarningKind::wrong_name, "the guest runs here as \"web1--incoming\""}};
    return s;
}

DomainReport stale()
{
    return {"guest4", std::nullopt,
            "its process is gone: the guest is not protected"};
}

KeeperStatus keeper(KeeperState state, const std::string& text)
{
    KeeperStatus k;
    k.pid = 812;
    k.config = "/etc/xl-colo/web1.conf";
    k.peer = "host2";
    k.state = state;
    k.since = noon - 20s;
    k.text = text;
    return k;
}

KeeperStatus trying()
{
    KeeperStatus k =
        keeper(KeeperState::waiting, "until xl-colo-start is tried again");
    k.trying_since = noon - 754s;
    k.failed_starts = 7;
    k.next_start = noon + 40s;
    k.last_failure = {
        "domain guest5: the command \"ssh host2 xl-colo-receive\" ended with "
        "255: ssh did not get through",
        noon - 20s};
    return k;
}

// No process protects it.
DomainReport kept(const std::string& domain, const KeeperStatus& keeper)
{
    return {domain, std::nullopt, std::nullopt, keeper};
}

std::vector<DomainReport> all()
{
    DomainReport without_keeper = stale();
    without_keeper.keeper_error =
        "xl-colo-keep is gone: nobody has the guest protected again";
    return {{split().domain, split(), std::nullopt},
            {"guest1", protecting(), std::nullopt,
             keeper(KeeperState::resting, "protecting as primary with host2")},
            {"guest2", copying(), std::nullopt},
            without_keeper,
            kept("guest5", trying()),
            kept("guest6", keeper(KeeperState::elsewhere, "not on this host"))};
}

DomainReport report(const SessionStatus& status)
{
    return {status.domain, status, std::nullopt};
}

std::string one_line(const SessionStatus& status)
{
    JsonWriter json;
    write_report(json, report(status), noon);
    return json.take();
}

void assert_fits(const std::string& text)
{
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.size() > 80) {
            fail_msg("%zu columns: %s", line.size(), line.c_str());
        }
    }
}

}  // namespace

static void json_is_as_documented(void**)
{
    assert_golden(reports_to_json(all(), noon, true), "status.json");
}

static void openmetrics_are_as_documented(void**)
{
    assert_golden(reports_to_openmetrics(all(), {"guest9"}, noon),
                  "status.openmetrics");
}

// A name is bytes that an admin chose, the format is UTF-8 with three escapes.
static void openmetrics_escape_what_a_name_may_hold(void**)
{
    const auto shown = [](const std::string& name) {
        const std::string text =
            reports_to_openmetrics({{name, std::nullopt, "gone"}}, {}, noon);
        const size_t at = text.find("xl_colo_answering{");
        return text.substr(at, text.find("} 0", at) - at);
    };
    assert_text(shown("a\"b\\c\nd"),
                "xl_colo_answering{domain=\"a\\\"b\\\\c\\nd\"");
    assert_text(shown("\xc3\xa4"), "xl_colo_answering{domain=\"\xc3\xa4\"");
    assert_text(shown("\xe4"), "xl_colo_answering{domain=\"?\"");
}

static void json_in_one_line_has_no_line_end(void**)
{
    const std::string text = reports_to_json(all(), noon, false);
    assert_true(text.find('\n') == std::string::npos);
}

// What its control socket carries is what the keeper knows.
static void json_of_a_keeper_comes_back_as_it_was(void**)
{
    const auto text_of = [](const KeeperStatus& k) {
        JsonWriter json;
        write_keeper(json, k);
        return json.take();
    };
    for (const KeeperState state : all_keeper_states) {
        KeeperStatus k = trying();
        k.state = state;
        for (const bool tries : {true, false}) {
            if (!tries) {
                k = keeper(state, "all is well");
            }
            const auto back = keeper_from_json(*Json::parse(text_of(k)));
            assert_true(bool(back));
            assert_text(text_of(*back), text_of(k));
            assert_true(back->state == state);
            assert_int_equal(back->last_failure.has_value(), tries);
        }
    }
    std::string damaged = text_of(trying());
    damaged.replace(damaged.find("\"waiting\""), 9, "\"idle\"");
    assert_text(keeper_from_json(*Json::parse(damaged)).error().text(),
                "\"state\" is \"idle\"");
}

// Since when it has tried counts from the first try, until all is well.
static void a_keeper_tries_since_the_first_time(void**)
{
    KeeperBoard board{KeeperStatus{}};
    board.note_loss("the secondary is lost", noon);
    board.begin_start();
    const auto begun = board.read().trying_since;
    assert_true(begun.has_value());
    assert_text(board.read().last_failure->text, "the secondary is lost");
    board.fail_start("no route");
    board.wait_until(noon + 5s);
    // It is still so, and older than what went wrong since.
    board.note_loss("the secondary is lost", noon);
    board.begin_start();
    KeeperStatus now = board.read();
    assert_true(now.state == KeeperState::starting);
    assert_true(now.trying_since == begun);
    assert_false(now.next_start.has_value());
    assert_int_equal(now.failed_starts, 1);
    assert_text(now.last_failure->text, "no route");
    board.find_protected("protecting");
    now = board.read();
    assert_false(now.trying_since.has_value());
    assert_int_equal(now.failed_starts, 0);
    assert_text(now.last_failure->text, "no route");
}

static void text_says_what_a_keeper_waits_for(void**)
{
    const auto shown = [](const KeeperStatus& k) {
        return status_detail(kept("guest5", k), noon);
    };
    assert_contains(shown(keeper(KeeperState::admin, "held")),
                    "leaves it to an admin to say who has the guest: held\n");
    assert_contains(shown(keeper(KeeperState::looking, "no Xen")),
                    "keeper: cannot look at the guest: no Xen\n");
    KeeperStatus late = trying();
    late.next_start = noon;
    late.failed_starts = 1;
    assert_contains(shown(late), "tries again now to have it protected");
    assert_contains(shown(late), "; 1 start has failed\n");
}

// Its process is still there and has said so itself.
static void why_protection_ended_is_said_once(void**)
{
    KeeperStatus k = trying();
    k.last_failure = {*split().ended, noon - 72h};
    const DomainReport report{split().domain, split(), std::nullopt, k};
    const std::string text = status_detail(report, noon);
    assert_int_equal(text.find("the primary is lost"),
                     text.rfind("the primary is lost"));
}

// What the control socket carries is what the session knows.
static void json_comes_back_as_it_was(void**)
{
    for (const SessionStatus& status : {protecting(), copying(), split()}) {
        const std::string text = one_line(status);
        const auto back = status_from_json(*Json::parse(text));
        assert_true(bool(back));
        assert_text(one_line(*back), text);
        assert_int_equal(back->recent.size(), status.recent.size());
        assert_int_equal(back->last.has_value(), status.last.has_value());
        assert_true(back->since == status.since);
    }
}

static void every_state_has_a_name_that_comes_back(void**)
{
    for (const State state : all_states) {
        SessionStatus status = copying();
        status.state = state;
        const auto back = status_from_json(*Json::parse(one_line(status)));
        assert_true(bool(back) && back->state == state);
    }
}

static void every_warning_has_a_name_that_comes_back(void**)
{
    for (const WarningKind kind : all_warning_kinds) {
        SessionStatus status = copying();
        status.warnings = {{kind, "look"}};
        const auto back = status_from_json(*Json::parse(one_line(status)));
        assert_true(bool(back) && back->warnings.size() == 1);
        assert_true(back->warnings[0].kind == kind);
        assert_text(back->warnings[0].text, "look");
    }
}

static void damaged_json_is_refused(void**)
{
    const std::string good = one_line(protecting());
    const struct {
        const char* from;
        const char* to;
        const char* message;
    } cases[] = {
        {"\"guest1\"", "null", "\"domain\" is not a string"},
        {"\"primary\"", "\"boss\"", "\"role\" is \"boss\""},
        {"\"protecting\"", "\"fine\"", "\"state\" is \"fine\""},
        {"\"checkpoints\":10", "\"checkpoints\":-1",
         "\"checkpoints\" is not a number from 0 up"},
        {"\"verify\":true", "\"verify\":1",
         "\"verify\" is not true or false"},
        {"\"last-pause-us\":89000", "\"last-pause-us\":\"x\"",
         "\"last-pause-us\" is not a number from 0 up"},
        {"\"number\":3,", "", "\"number\" is not a number from 0 up"},
        {"\"recent\":[", "\"other\":[", "\"recent\" is not a list of objects"},
    };
    for (const auto& c : cases) {
        std::string text = good;
        const size_t at = text.find(c.from);
        assert_true(at != std::string::npos);
        text.replace(at, std::string(c.from).size(), c.to);
        const auto status = status_from_json(*Json::parse(text));
        assert_false(bool(status));
        assert_true(status.error().kind() == ErrorKind::protocol);
        assert_text(status.error().text(), c.message);
    }
}

static void the_table_fits_the_terminal(void**)
{
    const std::string table = status_table(all(), noon);
    assert_fits(table);
    assert_golden(table, "status-table.txt");
    assert_text(status_table({}, noon),
                "no domain is protected on this host\n");
}

static void the_detail_fits_the_terminal(void**)
{
    std::string text;
    for (const DomainReport& r : all()) {
        text += status_detail(r, noon) + "\n";
    }
    assert_fits(text);
    assert_golden(text, "status-detail.txt");
}

// A word that is longer than a line stays whole.
static void a_long_message_is_broken_between_words(void**)
{
    SessionStatus status = copying();
    status.ended = std::string(100, 'x') + " and " + std::string(30, 'y') +
                   " and " + std::string(40, 'z');
    const std::string text = status_detail(report(status), noon);
    assert_contains(text, "\n  ended: " + std::string(100, 'x') +
                              "\n         and " + std::string(30, 'y') +
                              " and\n         " + std::string(40, 'z') + "\n");
}

// The secondary goes by the primary's clock.
static void a_checkpoint_from_the_future_is_of_age_zero(void**)
{
    SessionStatus status = protecting();
    status.last->taken = noon + 5s;
    assert_contains(one_line(status), "\"last-age-ms\":0,");
    assert_contains(status_detail(report(status), noon), "taken 0ms ago");
}

static const Figure& figure(const std::string& key)
{
    return *std::ranges::find(figures, key, &Figure::key);
}

static void median_and_max_are_of_the_known(void**)
{
    SessionStatus status;
    assert_false(median_of(figures[0], status).has_value());
    assert_false(max_of(figures[0], status).has_value());
    for (const uint64_t pages : {7u, 1u, 9u, 3u}) {
        CheckpointFigures c;
        if (pages != 9) {
            c.a = Pages{pages};
        }
        c.d = Pages{pages};
        status.recent.push_back(c);
    }
    const Figure& a = figure("a-pages");
    assert_int_equal(*median_of(a, status), 3);  // of 1 3 7
    assert_int_equal(*max_of(a, status), 7);
    const Figure& d = figure("d-pages");
    assert_int_equal(*median_of(d, status), 7);  // of 1 3 7 9
    assert_int_equal(*max_of(d, status), 9);
}

static void the_board_keeps_the_recent_without_the_initial_copy(void**)
{
    StatusBoard board{SessionStatus{}};
    board.add(checkpoint(0), true);
    assert_int_equal(board.read().recent.size(), 0);
    assert_int_equal(board.read().checkpoints, 1);
    assert_int_equal(board.read().last->d.value(), 24576);
    for (uint64_t n = 1; n <= StatusBoard::recent_kept + 5; ++n) {
        board.add(checkpoint(n), n % 2 == 0);
    }
    const SessionStatus status = board.read();
    assert_int_equal(status.recent.size(), StatusBoard::recent_kept);
    assert_int_equal(status.recent.front().number.value(), 6);
    assert_int_equal(status.recent.back().number.value(), 133);
    assert_int_equal(status.checkpoints, 134);
    assert_int_equal(status.verified, 67);
}

// A warning about one thing must not hide that about another.
static void warnings_stand_by_kind_until_they_are_taken_back(void**)
{
    StatusBoard board{SessionStatus{}};
    board.warn(WarningKind::fence_says_no, "exit status 1");
    board.warn(WarningKind::guest_twice, "check the primary");
    board.warn(WarningKind::fence_says_no, "exit status 2");
    SessionStatus status = board.read();
    assert_int_equal(status.warnings.size(), 2);
    assert_text(status.warnings[0].text, "check the primary");
    assert_text(status.warnings[1].text, "exit status 2");
    board.clear(WarningKind::fence_says_no);
    board.clear(WarningKind::copy_left);
    status = board.read();
    assert_int_equal(status.warnings.size(), 1);
    assert_non_null(status.warning(WarningKind::guest_twice));
    assert_null(status.warning(WarningKind::fence_says_no));
}

static void since_is_when_the_state_was_entered(void**)
{
    StatusBoard board{SessionStatus{}};
    const auto before = board.read().since;
    board.enter(State::connecting);
    assert_true(board.read().since == before);
    board.end(State::unprotected, "the secondary is lost");
    assert_true(board.read().since > before);
    assert_true(board.read().state == State::unprotected);
    assert_text(*board.read().ended, "the secondary is lost");
}

int main()
{
    setenv("TZ", "UTC", 1);
    const CMUnitTest tests[] = {
        cmocka_unit_test(json_is_as_documented),
        cmocka_unit_test(openmetrics_are_as_documented),
        cmocka_unit_test(openmetrics_escape_what_a_name_may_hold),
        cmocka_unit_test(json_in_one_line_has_no_line_end),
        cmocka_unit_test(json_comes_back_as_it_was),
        cmocka_unit_test(json_of_a_keeper_comes_back_as_it_was),
        cmocka_unit_test(a_keeper_tries_since_the_first_time),
        cmocka_unit_test(text_says_what_a_keeper_waits_for),
        cmocka_unit_test(why_protection_ended_is_said_once),
        cmocka_unit_test(every_state_has_a_name_that_comes_back),
        cmocka_unit_test(every_warning_has_a_name_that_comes_back),
        cmocka_unit_test(damaged_json_is_refused),
        cmocka_unit_test(the_table_fits_the_terminal),
        cmocka_unit_test(the_detail_fits_the_terminal),
        cmocka_unit_test(a_long_message_is_broken_between_words),
        cmocka_unit_test(a_checkpoint_from_the_future_is_of_age_zero),
        cmocka_unit_test(median_and_max_are_of_the_known),
        cmocka_unit_test(the_board_keeps_the_recent_without_the_initial_copy),
        cmocka_unit_test(warnings_stand_by_kind_until_they_are_taken_back),
        cmocka_unit_test(since_is_when_the_state_was_entered),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
