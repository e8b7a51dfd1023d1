// A copy that runs from some checkpoints on and stands from others: as the
// primary says in RESUME, and whatever ends the session in between.
#include <algorithm>
#include <csignal>

#include "parallel.h"
#include "session_pair.h"
#include "session_rules.h"
#include "test_device.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Notes = std::vector<std::string>;

// "-r": the copy stands from checkpoint 0 on, and runs from 1 on; the last one
// holds for all that follow.
std::function<bool(CheckpointNumber)> as(const std::string& pattern)
{
    return [pattern](CheckpointNumber n) {
        return pattern[std::min<size_t>(n.value(), pattern.size() - 1)] == 'r';
    };
}

// A card whose frames wait 60 ms beside a copy that stands, and so long beside
// one that runs.
class Card : public TestDevice {
public:
    Card(DeviceNotes& notes, Faults& faults, std::chrono::milliseconds runs)
        : TestDevice("card", notes, faults), notes_(notes), runs_(runs)
    {
    }
    void copy_will_run(bool runs) override
    {
        copy_runs_ = runs;
        notes_.note(runs ? "card copy_will_run" : "card copy_will_stand");
    }
    Status guest_will_stand(CheckpointNumber n) override
    {
        ran_ = copy_runs_;
        return TestDevice::guest_will_stand(n);
    }
    Status committed(CheckpointNumber n) override
    {
        felt_.frames += 10;
        felt_.waited += 10 * (ran_ ? runs_ : 60ms);
        return TestDevice::committed(n);
    }
    OutputFelt output_felt() const override { return felt_; }

private:
    DeviceNotes& notes_;
    const std::chrono::milliseconds runs_;
    bool copy_runs_ = true, ran_ = true;
    OutputFelt felt_;
};

class CardKind : public DeviceKind {
public:
    explicit CardKind(SessionPair& pair) : pair_(pair) {}
    bool takes(const DeviceFacts&) const override { return true; }
    Status check(const std::vector<DeviceFacts>&) const override { return {}; }
    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts&, const DeviceContext& context) const override
    {
        const bool primary = context.role == Role::primary;
        return std::make_unique<Card>(primary ? on_primary : on_secondary,
                                      primary
                                          ? pair_.primary_host.faults
                                          : pair_.secondary_host.faults,
                                      runs);
    }

    mutable DeviceNotes on_primary, on_secondary;
    std::chrono::milliseconds runs{1};

private:
    SessionPair& pair_;
};

struct WithCard {
    WithCard() : kind(pair)
    {
        pair.options.settings.output = Output::automatic;
        pair.options.settings.devices = {{DeviceType::disk, "card", false}};
        pair.options.kinds = kinds;
    }

    SessionPair pair;
    CardKind kind;
    const DeviceKind* const kinds[1] = {&kind};
};

Notes only(const Notes& notes, const std::string& what)
{
    Notes some;
    for (const std::string& note : notes) {
        if (note.find(what) != std::string::npos) {
            some.push_back(note);
        }
    }
    return some;
}

// What a log says of it.
size_t notices(const FakeLog& log)
{
    const auto lines = log.lines();
    return static_cast<size_t>(std::ranges::count_if(
        lines, [](auto& line) { return line.text.starts_with("output: "); }));
}

// ---- both decisions, to and fro --------------------------------------------

void copy_runs_where_it_is_told_to(void**)
{
    for (const bool verify : {true, false}) {
        WithCard with;
        with.pair.options.settings.verify = verify;
        with.pair.options.max_checkpoints = 6;
        with.pair.options.copy_runs = as("--rr-r-");
        std::string ran;
        for (unsigned n = 0; n <= 6; ++n) {
            // The copy goes on, if it does, before it says RESUMED.
            with.pair.wire.at(FrameType::RESUMED, n + 1, [&] {
                ran += with.pair.secondary_host.last_guest()->runs() ? 'r'
                                                                     : '-';
            });
        }
        const PairOutcome outcome = with.pair.run();
        print_message("  %s\n", to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        assert_text(outcome.primary.end.why, "6 checkpoints taken");
        assert_int_equal(outcome.primary.status.verified, verify ? 7 : 0);
        assert_text(ran, "--rr-r-");
        // A device's copy hears of it where it runs, and of nothing else.
        assert_true(only(with.kind.on_secondary.all(), "may_run") ==
                    Notes({"card may_run 2", "card may_run 3",
                           "card may_run 5"}));
        // The guest's hears of it before that goes on.
        const Notes primary = only(with.kind.on_primary.all(), "copy_will_run");
        assert_int_equal(primary.size(), 3);
        const Notes all = with.kind.on_primary.all();
        for (size_t i = 0; i < all.size(); ++i) {
            if (all[i].starts_with("card may_run")) {
                assert_contains(all[i - 1], "card copy_will_");
            }
        }
        for (const SideOutcome* side : {&outcome.primary, &outcome.secondary}) {
            const OutputStatus& output = side->status.output;
            assert_text(output.mode, "auto");
            assert_true(output.copy_runs == false);
            assert_int_equal(output.since->value(), 6);
        }
    }
}

void other_modes_say_nothing_of_it(void**)
{
    for (const Output output : {Output::commit, Output::compare}) {
        WithCard with;
        with.pair.options.settings.output = output;
        with.pair.options.copy_runs = as("-r");
        size_t longest = 0;
        for (unsigned n = 1; n <= 4; ++n) {
            with.pair.wire.rewrite(FrameType::RESUME, n, [&](Buffer body) {
                longest = std::max(longest, body.size());
                return body;
            });
        }
        const PairOutcome outcome = with.pair.run();
        assert_true(broken_rules(outcome).empty());
        assert_int_equal(longest, 8);
        assert_true(only(with.kind.on_primary.all(), "copy_will").empty());
        assert_true(outcome.secondary.has_run == (output == Output::compare));
    }
}

// ---- what is measured decides ----------------------------------------------

void copy_runs_when_that_holds_back_less(void**)
{
    WithCard with;
    with.pair.options.max_checkpoints = 14;
    const PairOutcome outcome = with.pair.run();
    assert_text(outcome.primary.end.why, "14 checkpoints taken");
    const OutputStatus& output = outcome.primary.status.output;
    assert_true(output.copy_runs == true);
    // Tried first, then chosen, without a change in between.
    assert_int_equal(output.since->value(), 5);
    assert_contains(output.why, "an answer waits ");
    assert_true(output.wait_copy_runs < output.wait_copy_stands);
    assert_int_equal(notices(with.pair.primary_log), 1);
    assert_true(with.pair.primary_log.says(
        LogLevel::notice,
        "output: the copy runs from now on: an answer waits"));
    assert_true(outcome.secondary.has_run);
}

// And the log is silent on what is only tried.
void copy_stands_when_that_holds_back_less(void**)
{
    WithCard with;
    with.kind.runs = 400ms;
    with.pair.options.max_checkpoints = 14;
    const PairOutcome outcome = with.pair.run();
    const OutputStatus& output = outcome.primary.status.output;
    assert_true(output.copy_runs == false);
    assert_int_equal(output.since->value(), 8);
    assert_int_equal(
        only(with.kind.on_primary.all(), "copy_will_run").size(), 3);
    assert_int_equal(notices(with.pair.primary_log), 0);
    assert_true(outcome.secondary.has_run);
}

// What has just been measured decides of the next checkpoint; until then the
// status tells of what was known.
void status_says_why_the_copy_is_as_it_is_now(void**)
{
    WithCard with;
    with.kind.runs = 400ms;
    with.pair.options.max_checkpoints = 7;
    const PairOutcome outcome = with.pair.run();
    const OutputStatus& output = outcome.primary.status.output;
    assert_true(output.copy_runs == true);
    assert_text(output.why, "to measure that, too");
    assert_true(output.wait_copy_runs > output.wait_copy_stands);
}

// Nobody feels anything: the one that writes to no page.
void copy_of_a_guest_that_sends_nothing_stands(void**)
{
    SessionPair pair;
    pair.options.settings.output = Output::automatic;
    pair.options.max_checkpoints = 30;
    const PairOutcome outcome = pair.run();
    assert_true(broken_rules(outcome).empty());
    assert_false(outcome.secondary.has_run);
    assert_text(outcome.primary.status.output.why, "the guest sends nothing");
}

// ---- a primary that says something else ------------------------------------

struct Lie {
    Output output;
    Buffer rest;  // behind the number
    const char* why;
};

void resume_with_another_body_ends_protection(void**)
{
    const Buffer runs = BodyWriter().u64(1).take();
    const std::vector<Lie> lies{
        {Output::automatic, {}, "RESUME with 0 bytes after its number, not 8"},
        {Output::automatic, {1}, "RESUME with 1 bytes after its number, not 8"},
        {Output::automatic, BodyWriter().u64(2).take(),
         "RESUME says neither that the copy runs nor that it stands"},
        {Output::automatic, BodyWriter().u64(uint64_t{1} << 63).take(),
         "RESUME says neither"},
        {Output::automatic, Buffer(9), "RESUME with 17 bytes, allowed are"},
        {Output::commit, runs, "RESUME with 8 bytes after its number, not 0"},
        {Output::compare, runs, "RESUME with 8 bytes after its number, not 0"},
    };
    const auto outcomes = run_side_by_side(lies, [](const Lie& lie) {
        SessionPair pair;
        pair.options.settings.output = lie.output;
        pair.wire.rewrite(FrameType::RESUME, 2, [&](Buffer body) {
            body.resize(8);
            body.insert(body.end(), lie.rest.begin(), lie.rest.end());
            return body;
        });
        return pair.run();
    });
    for (size_t i = 0; i < lies.size(); ++i) {
        print_message("  %s\n", to_text(outcomes[i]).c_str());
        assert_true(broken_rules(outcomes[i]).empty());
        assert_text(states(outcomes[i]), "unprotected/ended");
        assert_contains(outcomes[i].secondary.end.why, lies[i].why);
    }
}

// ---- the primary is lost ---------------------------------------------------

// The last that the copy's device hears, where the primary was lost at the
// nth frame of that kind, which did not arrive.
struct Loss {
    const char* name;
    const char* pattern;
    FrameType at;
    unsigned nth;
    Notes end;
    bool has_run_before;
};

void copy_goes_on_from_where_it_stood_or_ran(void**)
{
    const Notes taken_over{"card take_over",
                           "card protection_ended taken-over",
                           "card tear_down"};
    const auto then = [&](Notes notes) {
        notes.insert(notes.end(), taken_over.begin(), taken_over.end());
        return notes;
    };
    const std::vector<Loss> losses{
        {"stands, in between", "-", FrameType::CHECKPOINT, 2,
         then({"card committed 1", "card may_take_over", "card may_run 1"}),
         false},
        {"runs, in between", "r", FrameType::CHECKPOINT, 2,
         then({"card committed 1", "card may_run 1", "card may_take_over"}),
         true},
        {"stands, and 2 is not committed", "--r", FrameType::DEVICE_STATE, 3,
         then({"card guest_stands 2", "card other_stands 2",
               "card may_take_over", "card may_run 1"}),
         false},
        {"runs, and 2 is not committed", "rr-", FrameType::DEVICE_STATE, 3,
         then({"card guest_stands 2", "card other_stands 2",
               "card may_take_over", "card may_run 1"}),
         true},
        {"stands, and is not told to run", "--r", FrameType::RESUME, 3,
         then({"card committed 2", "card may_take_over", "card may_run 2"}),
         false},
        {"ran, and is not told to stand", "rr-", FrameType::RESUME, 3,
         then({"card committed 2", "card may_take_over", "card may_run 2"}),
         true},
        {"was told to run", "--r", FrameType::DONE, 3,
         then({"card committed 2", "card may_run 2", "card may_take_over"}),
         true},
        {"was told to stand", "rr-", FrameType::DONE, 3,
         then({"card committed 2", "card may_take_over", "card may_run 2"}),
         true},
    };
    for (const Loss& loss : losses) {
        print_message("  %s\n", loss.name);
        WithCard with;
        with.pair.options.copy_runs = as(loss.pattern);
        with.pair.options.max_checkpoints.reset();
        with.pair.wire.fault(loss.at, loss.nth, WireFault::cut);
        // Before it is the guest.
        bool ran = false;
        with.pair.fence = std::make_unique<FakeFence>(std::vector{true});
        with.pair.fence->on_run = [&] {
            const Notes all = with.kind.on_secondary.all();
            ran = !only(all, "may_run").empty();
        };
        const PairOutcome outcome = with.pair.run();
        print_message("    %s\n", to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_true(outcome.secondary.end.state == State::taken_over);
        assert_true(outcome.secondary.runs);
        const Notes all = with.kind.on_secondary.all();
        assert_true(all.size() > loss.end.size());
        const Notes end(all.end() - static_cast<long>(loss.end.size()),
                        all.end());
        for (size_t i = 0; i < end.size(); ++i) {
            assert_text(end[i], loss.end[i]);
        }
        assert_true(ran == loss.has_run_before);
    }
}

// A third host decides, whichever it is just then: one guest.
void witness_leaves_one_guest_whether_the_copy_runs_or_stands(void**)
{
    struct Case {
        const char* pattern;
        FrameType at;
        unsigned nth;
    };
    std::vector<Case> cases;
    for (const char* pattern : {"-", "r", "-r-r", "r-r-"}) {
        for (const FrameType at :
             {FrameType::CHECKPOINT, FrameType::SUSPENDED,
              FrameType::DEVICE_STATE, FrameType::COMMITTED, FrameType::READY,
              FrameType::RESUME, FrameType::RESUMED, FrameType::DONE}) {
            for (const unsigned nth : {2u, 3u}) {
                cases.push_back({pattern, at, nth});
            }
        }
    }
    const auto outcomes = run_side_by_side(cases, [](const Case& c) {
        FakeThirdHost third;
        SessionPair pair;
        pair.options.settings.output = Output::automatic;
        pair.options.settings.timeout = 1s;
        pair.options.copy_runs = as(c.pattern);
        pair.witness = std::make_unique<FakeWitness>(third, Role::secondary);
        pair.primary_witness =
            std::make_unique<FakeWitness>(third, Role::primary);
        pair.wire.fault(c.at, c.nth, WireFault::cut);
        return pair.run();
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        const PairOutcome& outcome = outcomes[i];
        if (!broken_rules(outcome).empty() ||
            outcome.primary.runs == outcome.secondary.runs) {
            fail_msg("%s, at %s %u: %s", cases[i].pattern,
                     to_string(cases[i].at).c_str(), cases[i].nth,
                     to_text(outcome).c_str());
        }
    }
}

// xl-colo-failover, and what the primary's guest does by itself.
void ends_in_order_are_as_in_the_other_modes(void**)
{
    for (const char* pattern : {"-", "r", "-r", "r-"}) {
        print_message("  %s\n", pattern);
        WithCard with;
        with.pair.options.copy_runs = as(pattern);
        with.pair.options.max_checkpoints.reset();
        with.pair.wire.at(FrameType::DONE, 3, [&] {
            with.pair.secondary().request_failover();
        });
        const PairOutcome outcome = with.pair.run();
        print_message("    %s\n", to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "ended/taken-over");
        assert_true(outcome.primary.end.orderly);
        assert_true(outcome.secondary.runs);
    }
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(300);  // a session that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(copy_runs_where_it_is_told_to),
        cmocka_unit_test(other_modes_say_nothing_of_it),
        cmocka_unit_test(copy_runs_when_that_holds_back_less),
        cmocka_unit_test(copy_stands_when_that_holds_back_less),
        cmocka_unit_test(status_says_why_the_copy_is_as_it_is_now),
        cmocka_unit_test(copy_of_a_guest_that_sends_nothing_stands),
        cmocka_unit_test(resume_with_another_body_ends_protection),
        cmocka_unit_test(copy_goes_on_from_where_it_stood_or_ran),
        cmocka_unit_test(
            witness_leaves_one_guest_whether_the_copy_runs_or_stands),
        cmocka_unit_test(ends_in_order_are_as_in_the_other_modes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
