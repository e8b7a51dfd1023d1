// Each call into Xen fails in turn, on either host: the step ends, the
// primary's guest goes on, the copy is destroyed, and both say why.
#include <csignal>
#include <thread>

#include "parallel.h"
#include "session_pair.h"
#include "session_rules.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

const Error injected(ErrorKind::libxl, "injected", -3);

struct Case {
    Role host;
    std::string call;
    unsigned nth;
    bool verify;  // the primary's guest goes on last, not first
};

void set_up(SessionPair& pair, bool verify = true)
{
    pair.options.max_checkpoints = 2;
    pair.options.settings.verify = verify;
}

Faults& faults_of(SessionPair& pair, Role host)
{
    return host == Role::primary ? pair.primary_host.faults
                                 : pair.secondary_host.faults;
}

std::string name_of(const Case& c)
{
    return std::string(to_string(c.host)) + ": " + c.call + " " +
           std::to_string(c.nth) + (c.verify ? ", verify" : "");
}

// Each call of a session in which nothing fails.
std::vector<Case> each_call()
{
    std::vector<Case> cases;
    for (const bool verify : {false, true}) {
        SessionPair pair;
        set_up(pair, verify);
        pair.run();
        for (const Role host : {Role::primary, Role::secondary}) {
            for (const auto& [call, count] :
                 faults_of(pair, host).all_calls()) {
                // One page of a record is as good as the next.
                const unsigned step = call == "restore: page" ? 7 : 1;
                for (unsigned nth = 1; nth <= count; nth += step) {
                    cases.push_back({host, call, nth, verify});
                }
            }
        }
    }
    // Before the session; and the one that ends it, below.
    std::erase_if(cases, [](const Case& c) {
        return c.call == "open" || c.call == "destroy" || c.call == "pause";
    });
    return cases;
}

void call_that_fails_ends_protection_on_both_sides(void**)
{
    const std::vector<Case> cases = each_call();
    const auto outcomes = run_side_by_side(cases, [](const Case& c) {
        SessionPair pair;
        set_up(pair, c.verify);
        faults_of(pair, c.host).let_fail(c.call, c.nth, injected);
        return pair.run();
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        const PairOutcome& outcome = outcomes[i];
        const bool fine =
            broken_rules(outcome).empty() &&
            states(outcome) == "unprotected/ended" &&
            !outcome.primary.end.orderly && outcome.took < 15s;
        if (!fine) {
            fail_msg("%s\n  %s", name_of(cases[i]).c_str(),
                     to_text(outcome).c_str());
        }
        // The one whose call failed says what failed.
        const SideOutcome& failed = cases[i].host == Role::primary
                                        ? outcome.primary
                                        : outcome.secondary;
        const bool by_libxc = cases[i].call.starts_with("restore");
        if (!by_libxc && failed.end.why != "injected") {
            fail_msg("%s\n  %s", name_of(cases[i]).c_str(),
                     to_text(outcome).c_str());
        }
    }
}

void copy_that_cannot_be_destroyed_is_named(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        set_up(pair);
        pair.secondary_host.faults.let_fail("destroy", 1, injected);
        outcome = pair.run();
    }
    print_message("  %s\n", to_text(outcome).c_str());
    assert_true(broken_rules(outcome).empty());
    assert_text(states(outcome), "unprotected/ended");
    assert_true(outcome.primary.runs);
    const Warning* left =
        outcome.secondary.status.warning(WarningKind::copy_left);
    assert_non_null(left);
    assert_contains(left->text, "destroy");
}

// The primary's guest stands in the middle of a checkpoint, and a copy of many
// GiB takes long to destroy.
void guest_does_not_wait_until_the_copy_is_destroyed(void**)
{
    PairOutcome outcome;
    bool ran_meanwhile = false;
    {
        SessionPair pair;
        set_up(pair);
        pair.secondary_host.faults.let_fail("load_device_state", 1, injected);
        pair.secondary_host.faults.at("destroy", 1, [&] {
            for (int i = 0; i < 200 && !ran_meanwhile; ++i) {
                std::this_thread::sleep_for(10ms);
                ran_meanwhile = pair.guest().runs();
            }
        });
        outcome = pair.run();
    }
    print_message("  %s\n", to_text(outcome).c_str());
    assert_true(ran_meanwhile);
    assert_true(broken_rules(outcome).empty());
    assert_text(states(outcome), "unprotected/ended");
    assert_true(outcome.primary.status.warnings.empty());
}

// Also one that libxl has not finished building.
void copy_that_is_left_is_named_on_both_hosts(void**)
{
    const std::vector<std::pair<const char*, const char*>> cases{
        {"load_device_state", "destroy"}, {"wait_built", "abandon"}};
    for (const auto& [fails, then] : cases) {
        PairOutcome outcome;
        {
            SessionPair pair;
            set_up(pair);
            pair.secondary_host.faults.let_fail(fails, 1, injected);
            pair.secondary_host.faults.let_fail(then, 1, injected);
            outcome = pair.run();
        }
        print_message("  %s: %s\n", then, to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        assert_false(outcome.secondary.guest == GuestState::gone);
        for (const SideOutcome* side : {&outcome.primary, &outcome.secondary}) {
            const Warning* left = side->status.warning(WarningKind::copy_left);
            assert_non_null(left);
            assert_contains(left->text, "\"xl destroy 1\" it (injected)");
        }
    }
}

// Its request stands: somebody has to be there when it suspends after all.
void guest_that_may_suspend_yet_is_told_of(void**)
{
    PairOutcome slow, other;
    {
        SessionPair pair;
        pair.primary_host.faults.let_fail(
            "suspend", 2, {ErrorKind::timeout, "not within a minute"});
        slow = pair.run();
    }
    {
        SessionPair pair;
        pair.primary_host.faults.let_fail("suspend", 2, injected);
        other = pair.run();
    }
    assert_text(states(slow), "unprotected/ended");
    assert_true(slow.primary.end.guest_may_suspend);
    assert_text(states(other), "unprotected/ended");
    assert_false(other.primary.end.guest_may_suspend);
}

// ---- when the other host is lost as well -----------------------------------

struct Loss {
    const char* name;
    FrameType cut_at;
    unsigned nth;
    Role host;
    const char* call;       // fails from its `from`th time on, for good
    unsigned from;
    const char* states;
};

void loss_with_a_failure_on_top(void**)
{
    const std::vector<Loss> losses{
        {"copy_cannot_be_renamed", FrameType::CHECKPOINT, 2, Role::secondary,
         "rename", 1, "unprotected/taken-over"},
        {"dirty_log_stays_on", FrameType::CHECKPOINT, 2, Role::secondary,
         "set_log_dirty", 2, "unprotected/taken-over"},
        // Half a checkpoint is in: no state of the guest at all.
        {"checkpoint_half_applied", FrameType::COMMITTED, 2, Role::secondary,
         "restore: page", 105, "unprotected/ended"},
        {"device_state_not_loaded", FrameType::COMMITTED, 2, Role::secondary,
         "load_device_state", 1, "unprotected/ended"},
        {"vcpus_not_set", FrameType::COMMITTED, 3, Role::secondary,
         "restore: set context", 3, "unprotected/ended"},
        {"copy_never_built", FrameType::COMMITTED, 1, Role::secondary,
         "wait_built", 1, "unprotected/ended"},
    };
    const auto outcomes = run_side_by_side(losses, [](const Loss& loss) {
        SessionPair pair;
        set_up(pair);
        pair.wire.fault(loss.cut_at, loss.nth, WireFault::cut);
        for (unsigned nth = loss.from; nth < loss.from + 200; ++nth) {
            faults_of(pair, loss.host).let_fail(loss.call, nth, injected);
        }
        return pair.run();
    });
    for (size_t i = 0; i < losses.size(); ++i) {
        print_message("  %s: %s\n", losses[i].name,
                      to_text(outcomes[i]).c_str());
        assert_true(broken_rules(outcomes[i]).empty());
        assert_text(states(outcomes[i]), losses[i].states);
    }
}

// The loss may be known and not looked at yet when something else fails: what
// is here is the only guest.
void copy_that_fails_after_a_loss_nobody_has_read_takes_over(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        pair.wire.fault(FrameType::COMMITTED, 3, WireFault::cut);
        pair.secondary_host.faults.at("load_device_state", 2, [] {
            std::this_thread::sleep_for(300ms);  // the link notices meanwhile
        });
        pair.secondary_host.faults.let_fail("resume", 2, injected);
        outcome = pair.run();
    }
    print_message("  %s\n", to_text(outcome).c_str());
    assert_true(broken_rules(outcome).empty());
    assert_text(states(outcome), "unprotected/taken-over");
    assert_true(outcome.secondary.runs);
}

// By "xl save -c", say. What was in it is in no checkpoint: the copy would be
// wrong from the next one on.
void log_that_somebody_takes_ends_protection_on_either_host(void**)
{
    for (const Role host : {Role::primary, Role::secondary}) {
        PairOutcome outcome;
        {
            SessionPair pair;
            pair.wire.at(FrameType::DONE, 2, [&] {
                (void)(host == Role::primary
                           ? pair.guest().take_dirty()
                           : pair.secondary_host.last_guest()->take_dirty());
            });
            // The frame goes on first, so that nothing is begun by then.
            pair.options.settings.interval = 100ms;
            outcome = pair.run();
        }
        print_message("  %s: %s\n", to_string(host),
                      to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        for (const SideOutcome* side : {&outcome.primary, &outcome.secondary}) {
            assert_contains(side->end.why, "the dirty log has lost its mark");
        }
    }
}

// Whatever throws, memory that is short among it, the guest is not left as it
// stands.
void exception_ends_protection_like_an_error(void**)
{
    std::vector<Case> cases = each_call();
    std::erase_if(cases,
                  [](const Case& c) { return c.host == Role::secondary; });
    const auto outcomes = run_side_by_side(cases, [](const Case& c) {
        SessionPair pair;
        set_up(pair, c.verify);
        faults_of(pair, c.host).at(c.call, c.nth,
                                   [] { throw std::bad_alloc(); });
        return pair.run();
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        const PairOutcome& outcome = outcomes[i];
        if (!broken_rules(outcome).empty() ||
            states(outcome) != "unprotected/ended" ||
            outcome.primary.end.why != "this is a bug: std::bad_alloc") {
            fail_msg("%s\n  %s", name_of(cases[i]).c_str(),
                     to_text(outcome).c_str());
        }
    }
}

// "xl destroy" of it takes the device model first, so that a checkpoint fails,
// and nothing can be resumed: that is no guest for the copy to go on with.
void guest_that_is_being_destroyed_does_not_go_on_elsewhere(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        set_up(pair);
        auto& faults = pair.primary_host.faults;
        faults.let_fail("device_state", 2, injected);
        std::thread destroyer;
        faults.at("resume", 2, [&] {
            destroyer = std::thread([&] {
                std::this_thread::sleep_for(50ms);
                pair.guest().destroy();
            });
        });
        faults.let_fail("resume", 2, injected);
        outcome = pair.run();
        destroyer.join();
    }
    print_message("  %s\n", to_text(outcome).c_str());
    assert_text(states(outcome), "unprotected/ended");
    assert_true(outcome.secondary.guest == GuestState::gone);
    assert_contains(outcome.primary.end.why, "the guest has stopped: gone");
}

// Better on the other host than nowhere: a primary that cannot resume its
// guest leaves it to the secondary.
void guest_that_cannot_be_resumed_goes_on_elsewhere(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        set_up(pair);
        for (unsigned nth = 2; nth < 9; ++nth) {
            pair.primary_host.faults.let_fail("resume", nth, injected);
        }
        outcome = pair.run();
    }
    print_message("  %s\n", to_text(outcome).c_str());
    assert_true(broken_rules(outcome).empty());
    // It was told so: nobody is fenced, and nobody asked to look.
    assert_text(states(outcome), "ended/taken-over");
    assert_true(outcome.secondary.runs);
    assert_true(outcome.secondary.status.warnings.empty());
    assert_true(outcome.primary.guest == GuestState::gone);
}

// Such as "xl save -c" that comes to its end just then. One that runs here is
// not left to the secondary.
void guest_that_somebody_else_resumed_stays_here(void**)
{
    for (const unsigned nth : {1u, 2u}) {
        PairOutcome outcome;
        {
            SessionPair pair;
            set_up(pair);
            pair.primary_host.faults.at(
                "resume", nth, [&] { (void)pair.guest().resume(); });
            outcome = pair.run();
        }
        print_message("  %s\n", to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        assert_true(outcome.primary.runs);
        assert_false(outcome.primary.end.orderly);
    }
}

// To resume it would spoil an "xl save", which destroys the domain after that.
void guest_that_somebody_else_suspended_is_left_to_him(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        set_up(pair);
        pair.primary_host.faults.at(
            "suspend", 2, [&] { (void)pair.guest().suspend(false); });
        outcome = pair.run();
    }
    print_message("  %s\n", to_text(outcome).c_str());
    assert_text(states(outcome), "unprotected/ended");
    assert_true(outcome.primary.guest == GuestState::suspended);
    assert_true(outcome.secondary.guest == GuestState::gone);
    assert_contains(outcome.primary.end.why, "somebody else has suspended it");
    assert_false(outcome.primary.end.orderly);
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(300);  // a session that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(call_that_fails_ends_protection_on_both_sides),
        cmocka_unit_test(copy_that_cannot_be_destroyed_is_named),
        cmocka_unit_test(guest_does_not_wait_until_the_copy_is_destroyed),
        cmocka_unit_test(copy_that_is_left_is_named_on_both_hosts),
        cmocka_unit_test(guest_that_may_suspend_yet_is_told_of),
        cmocka_unit_test(loss_with_a_failure_on_top),
        cmocka_unit_test(
            copy_that_fails_after_a_loss_nobody_has_read_takes_over),
        cmocka_unit_test(
            log_that_somebody_takes_ends_protection_on_either_host),
        cmocka_unit_test(exception_ends_protection_like_an_error),
        cmocka_unit_test(
            guest_that_is_being_destroyed_does_not_go_on_elsewhere),
        cmocka_unit_test(guest_that_cannot_be_resumed_goes_on_elsewhere),
        cmocka_unit_test(guest_that_somebody_else_resumed_stays_here),
        cmocka_unit_test(guest_that_somebody_else_suspended_is_left_to_him),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
