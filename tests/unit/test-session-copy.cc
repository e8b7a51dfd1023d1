// Both sessions over fakes whose guests really dirty pages: is the copy exact,
// and does it stop being so when a part of the way is missing?
#include <csignal>

#include "parallel.h"
#include "session_pair.h"
#include "session_rules.h"
#include "status/figures.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

constexpr uint64_t checkpoints = 6;

struct Setup {
    const char* name;
    bool verify = true;
    std::set<std::string> without = {};
    bool stray_word = false;   // the secondary's libxc has F2
    bool suspected = false;
    int seed = 0;
    bool restless = false;     // the guest's balloon moves
    uint64_t count = checkpoints;
};

struct Protected {
    PairOutcome outcome;
    std::vector<Moved> moved;             // by the primary's libxc
    std::vector<Moved> listed;            // by the secondary's
    std::vector<CheckpointFigures> told;  // to the secondary
};

Protected protect(const Setup& setup)
{
    SessionPair pair("alpha" + std::to_string(setup.seed),
                     "beta" + std::to_string(setup.seed));
    pair.options.max_checkpoints = setup.count;
    pair.options.settings.verify = setup.verify;
    pair.options.settings.without = setup.without;
    pair.secondary_host.libxc.stray_word = setup.stray_word;
    pair.secondary_host.suspect_stray_word = setup.suspected;
    if (setup.restless) {
        pair.guest().make_restless();
    }
    Protected result;
    result.outcome = pair.run();
    result.moved = pair.primary_host.moved();
    result.listed = pair.secondary_host.moved();
    const auto& recent = result.outcome.secondary.status.recent;
    result.told.assign(recent.begin(), recent.end());
    return result;
}

void assert_exact(const Protected& result, uint64_t count = checkpoints)
{
    const PairOutcome& outcome = result.outcome;
    print_message("    %s\n", to_text(outcome).c_str());
    assert_true(broken_rules(outcome).empty());
    assert_text(states(outcome), "unprotected/ended");
    assert_text(outcome.primary.end.why,
                std::to_string(count) + " checkpoints taken");
    assert_true(outcome.primary.end.orderly && outcome.secondary.end.orderly);
}

void every_way_that_works_gives_an_exact_copy(void**)
{
    const std::vector<Setup> setups{
        {.name = "as_it_is"},
        {.name = "other_writes", .seed = 1},
        {.name = "still_others", .seed = 2},
        {.name = "without_verification", .verify = false, .seed = 3},
        {.name = "libxc_with_the_long_header", .stray_word = true,
         .suspected = true},
        {.name = "libxc_under_suspicion_but_right", .suspected = true},
        {.name = "libxc_with_the_long_header_other_writes",
         .stray_word = true, .suspected = true, .seed = 4},
        {.name = "balloon", .seed = 5, .restless = true, .count = 60},
        {.name = "balloon_other_pages", .seed = 6, .restless = true,
         .count = 60},
        {.name = "balloon_without_verification", .verify = false, .seed = 7,
         .restless = true},
        {.name = "balloon_without_elision", .without = {without_elision},
         .seed = 8, .restless = true, .count = 60},
    };
    const auto results = run_side_by_side(setups, protect);
    for (size_t i = 0; i < setups.size(); ++i) {
        print_message("  %s\n", setups[i].name);
        assert_exact(results[i], setups[i].count);
        assert_int_equal(results[i].outcome.primary.status.verified,
                         setups[i].verify ? setups[i].count + 1 : 0);
    }
}

// What status shows is what libxc moved.
void figures_are_those_of_libxc(void**)
{
    const Protected result = protect({.name = ""});
    assert_exact(result);
    const auto& recent = result.outcome.primary.status.recent;
    assert_int_equal(recent.size(), checkpoints);
    assert_int_equal(result.moved.size(), checkpoints + 1);
    assert_int_equal(result.listed.size(), checkpoints);
    assert_int_equal(result.told.size(), checkpoints);
    bool something_came_back = false;
    size_t acknowledged = 0;
    for (size_t i = 0; i < checkpoints; ++i) {
        const Moved& moved = result.moved[i + 1];
        const CheckpointFigures& shown = recent[i];
        assert_int_equal(shown.number.value(), i + 1);
        // But for the log's mark, which is not the guest's.
        assert_int_equal(shown.a->value() + 1, moved.a);
        assert_int_equal(shown.b->value(), moved.b);
        assert_int_equal(shown.d.value(), moved.d);
        assert_int_equal(result.listed[i].b, moved.b);
        const uint64_t sent =
            moved.d - shown.left_out.value() - shown.zeros.value();
        assert_true(shown.to_secondary.value() > sent * page_size);
        assert_true(shown.to_primary.value() >= moved.b * sizeof(PageDigest));
        assert_true(shown.pause.count() > 0);
        something_came_back = something_came_back || moved.d > moved.a;

        const CheckpointFigures& told = result.told[i];
        assert_true(told.number == shown.number);
        for (const Figure& figure : figures) {
            if (figure.get(told) != figure.get(shown)) {
                fail_msg("%s was told otherwise", figure.key);
            }
        }
        acknowledged += shown.acknowledge.has_value();
        assert_true(!shown.acknowledge ||
                    *shown.acknowledge <= shown.guest_suspend);
        assert_true(shown.guest_suspend <= shown.suspend &&
                    shown.suspend <= shown.pause);
    }
    // The fake guest does so every other time.
    assert_int_equal(acknowledged, checkpoints / 2);
    // Else none of this would show that the back channel is needed.
    assert_true(something_came_back);
}

// The initial copy counts each page of the guest once, however often the live
// rounds sent it.
void initial_copy_counts_each_page_once(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        pair.options.max_checkpoints = 0;
        outcome = pair.run();
    }
    assert_int_equal(outcome.primary.status.checkpoints, 1);
    const auto& last = outcome.primary.status.last;
    assert_true(last->d == FakeGuest::gfns);
    assert_false(last->a.has_value() || last->b.has_value());
}

void copy_without_the_back_channels_list_differs(void**)
{
    const Protected seen =
        protect({.name = "", .without = {without_back_channel}});
    const PairOutcome& outcome = seen.outcome;
    print_message("    %s\n", to_text(outcome).c_str());
    // Verification finds it before the copy runs, and protection ends.
    assert_true(broken_rules(outcome).empty());
    assert_text(states(outcome), "unprotected/ended");
    assert_contains(outcome.primary.end.why, "verification of checkpoint 1: ");
    assert_contains(outcome.primary.end.why, " differ: 0x");
    assert_contains(outcome.secondary.end.why, outcome.primary.end.why);
    assert_false(outcome.primary.end.orderly);

    // Without verification nobody notices, but for the fakes.
    const Protected unseen = protect({.name = "", .verify = false,
                                   .without = {without_back_channel}});
    assert_contains(broken_rules(unseen.outcome).front(), " differs");
}

// "xl save" of a protected guest does it: what the guest wrote before is in no
// log, so that the copy would go without.
void log_that_somebody_else_cleaned_ends_protection(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        pair.primary_host.faults.at("suspend", 3, [&] {
            pair.guest().run();
            (void)pair.guest().take_dirty();
        });
        outcome = pair.run();
    }
    print_message("    %s\n", to_text(outcome).c_str());
    assert_true(broken_rules(outcome).empty());
    assert_text(states(outcome), "unprotected/ended");
    assert_contains(outcome.primary.end.why, "dirty log");
    assert_contains(outcome.secondary.end.why, outcome.primary.end.why);
    assert_false(outcome.primary.end.orderly);
    // The one during which it was done is not among them.
    assert_int_equal(outcome.primary.status.checkpoints, 2);
}

// What they write through a mapping that stays is in no log: so a page that
// they may write to proves nothing, whatever it holds.
void pages_that_backends_write_are_not_compared(void**)
{
    SessionPair pair;
    pair.options.settings.verify = true;
    pair.options.settings.without = {without_back_channel};
    pair.options.max_checkpoints = 3;
    for (uint64_t gfn = 0; gfn < FakeGuest::gfns.value(); ++gfn) {
        pair.guest().written_by_backends.emplace_back(gfn);
    }
    const PairOutcome outcome = pair.run();
    assert_int_equal(outcome.primary.status.verified, 4);
    assert_true(outcome.primary.end.orderly);
}

// A digest that takes all pages for the same is noticed by the comparison,
// which is made with another one.
void copy_by_a_digest_that_tells_nothing_differs(void**)
{
    const Protected result =
        protect({.name = "", .without = {without_digest}});
    assert_text(states(result.outcome), "unprotected/ended");
    assert_contains(result.outcome.primary.end.why,
                    "verification of checkpoint ");
}

// F3: the list is cut off at the size of an empty domain.
void copy_without_known_gfns_differs(void**)
{
    const Protected result = protect({.name = "", .without = {without_f3}});
    assert_text(states(result.outcome), "unprotected/ended");
    assert_contains(result.outcome.primary.end.why, " differ: 0x");
    for (const Moved& listed : result.listed) {
        assert_true(listed.b <= 1);
    }
}

// F2 without its repair: one wrong list passes for a right one, the next does
// not. It ends in an error either way, and on both sides.
void long_header_without_repair_ends_in_an_error(void**)
{
    for (const bool verify : {true, false}) {
        const Protected result =
            protect({.name = "", .verify = verify, .without = {without_f2},
                     .stray_word = true, .suspected = true});
        const PairOutcome& outcome = result.outcome;
        print_message("    %s\n", to_text(outcome).c_str());
        assert_text(states(outcome), "unprotected/ended");
        assert_true(outcome.primary.runs);
        assert_false(outcome.primary.end.orderly);
        // The page that was lost may be one that the primary sends anyway.
        const bool seen_by_verification =
            outcome.primary.end.why.find("verification") == 0;
        assert_true(verify || !seen_by_verification);
        if (!seen_by_verification) {
            assert_contains(outcome.primary.end.why,
                            " where a dirty list belongs");
        }
        assert_true(outcome.took < std::chrono::seconds(10));
    }
}

// F4: the second load of the device state kills the device model.
void device_model_that_dies_ends_protection(void**)
{
    const Protected result = protect({.name = "", .without = {without_f4}});
    assert_true(broken_rules(result.outcome).empty());
    assert_text(states(result.outcome), "unprotected/ended");
    assert_contains(result.outcome.primary.end.why,
                    "secondary: the device model closed its QMP socket");
    assert_int_equal(result.outcome.primary.status.checkpoints, 1);
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(120);  // a session that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_way_that_works_gives_an_exact_copy),
        cmocka_unit_test(figures_are_those_of_libxc),
        cmocka_unit_test(initial_copy_counts_each_page_once),
        cmocka_unit_test(copy_without_the_back_channels_list_differs),
        cmocka_unit_test(log_that_somebody_else_cleaned_ends_protection),
        cmocka_unit_test(pages_that_backends_write_are_not_compared),
        cmocka_unit_test(copy_by_a_digest_that_tells_nothing_differs),
        cmocka_unit_test(copy_without_known_gfns_differs),
        cmocka_unit_test(long_header_without_repair_ends_in_an_error),
        cmocka_unit_test(device_model_that_dies_ends_protection),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
