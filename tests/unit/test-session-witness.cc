// Who has the guest when both sides ask a witness for it: never two, and the
// primary where nothing but the connection is lost.
#include <csignal>
#include <thread>

#include "parallel.h"
#include "session_pair.h"
#include "session_rules.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Request = std::function<void(SessionPair&)>;

struct SecondaryCase {
    const char* name;
    std::vector<Claim> answers;
    Request meanwhile;  // at its second answer
    std::vector<bool> fence;  // none: no command
    size_t claims;
    const char* state;
    const char* why;
    std::vector<WarningKind> warnings;
};

void secondary_takes_over_only_when_the_guest_is_its_own(void**)
{
    const Request off = [](SessionPair& pair) {
        pair.secondary().request_stop("off");
    };
    const Request knows_better = [](SessionPair& pair) {
        pair.secondary().request_failover();
    };
    using enum Claim;
    const std::vector<SecondaryCase> cases{
        {"yours", {yours}, nullptr, {}, 1, "taken-over", "primary lost", {}},
        {"theirs", {theirs}, nullptr, {true}, 1, "ended",
         "the witness has given the guest to the primary", {}},
        {"unknown_then_yours", {unknown, unknown, yours}, nullptr, {}, 3,
         "taken-over", "primary lost", {}},
        {"unknown_then_theirs", {unknown, theirs}, nullptr, {}, 2, "ended",
         "the witness has given the guest to the primary", {}},
        {"unknown_and_overruled", {unknown}, knows_better, {}, 2,
         "taken-over", "primary lost", {WarningKind::guest_twice}},
        {"unknown_and_called_off", {unknown}, off, {}, 2, "ended", "off", {}},
        {"yours_and_then_the_fence", {yours}, nullptr, {false, true}, 1,
         "taken-over", "primary lost", {}},
    };
    struct Witnessed {
        PairOutcome outcome;
        size_t claims = 0;
        std::chrono::milliseconds first{};
        bool copy_ran = false;
    };
    const auto results = run_side_by_side(cases, [](const SecondaryCase& c) {
        SessionPair pair;
        pair.options.settings.timeout = 600ms;
        Witnessed witnessed;
        std::chrono::steady_clock::time_point lost;
        pair.witness = std::make_unique<FakeWitness>(c.answers);
        pair.witness->on_claim = [&] {
            if (pair.witness->claims() == 1) {
                witnessed.first =
                    std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::steady_clock::now() - lost);
            }
            witnessed.copy_ran |= pair.secondary_host.last_guest()->runs();
            if (c.meanwhile && pair.witness->claims() == 2) {
                c.meanwhile(pair);
            }
        };
        if (!c.fence.empty()) {
            pair.fence = std::make_unique<FakeFence>(c.fence);
            pair.fence->on_run = [&] {
                witnessed.copy_ran |= pair.secondary_host.last_guest()->runs();
            };
        }
        pair.wire.at(FrameType::DONE, 2, [&] {
            lost = std::chrono::steady_clock::now();
        });
        pair.wire.fault(FrameType::DONE, 2, WireFault::cut);
        witnessed.outcome = pair.run();
        witnessed.claims = pair.witness->claims();
        return witnessed;
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        const SideOutcome& secondary = results[i].outcome.secondary;
        print_message("  %s: %s\n", cases[i].name,
                      to_text(results[i].outcome).c_str());
        assert_int_equal(results[i].claims, cases[i].claims);
        // The primary has lost nothing: it is to ask first.
        assert_true(results[i].first >= 600ms);
        assert_false(results[i].copy_ran);
        assert_text(to_string(secondary.end.state), cases[i].state);
        assert_contains(secondary.end.why, cases[i].why);
        assert_true(kinds_of(secondary.status) == cases[i].warnings);
        assert_true(broken_rules(results[i].outcome).empty());
    }
}

struct PrimaryCase {
    const char* name;
    std::vector<Claim> answers;
    bool stop;  // at its second answer
    size_t claims;
    const char* state;
    const char* why;
    std::vector<WarningKind> warnings;
    bool runs;
};

// In a quiet moment, and in a checkpoint, when the guest is suspended.
void primary_goes_on_only_when_the_guest_is_its_own(void**)
{
    using enum Claim;
    const std::vector<PrimaryCase> cases{
        {"yours", {yours}, false, 1, "unprotected", "secondary lost", {}, true},
        {"theirs", {theirs}, false, 1, "ended",
         "the witness has given the guest to the secondary", {}, false},
        {"unknown_then_yours", {unknown, unknown, yours}, false, 3,
         "unprotected", "secondary lost", {}, true},
        {"unknown_then_theirs", {unknown, theirs}, false, 2, "ended",
         "the witness has given the guest to the secondary", {}, false},
        {"unknown_and_called_off", {unknown}, true, 2, "held", "off",
         {WarningKind::guest_held}, false},
    };
    struct Witnessed {
        PairOutcome outcome;
        size_t claims = 0;
        bool ran = false;  // before the answer
    };
    for (const FrameType lost_at : {FrameType::DONE, FrameType::COMMITTED}) {
        const auto results = run_side_by_side(cases, [=](const auto& c) {
            SessionPair pair;
            pair.options.settings.timeout = 600ms;
            // It does not get the guest; its answers are tested above.
            pair.witness =
                std::make_unique<FakeWitness>(std::vector{theirs});
            pair.primary_witness = std::make_unique<FakeWitness>(c.answers);
            Witnessed witnessed;
            pair.primary_witness->on_claim = [&] {
                witnessed.ran |= pair.guest().runs();
                if (c.stop && pair.primary_witness->claims() == 2) {
                    pair.primary().request_stop("off");
                }
            };
            pair.wire.fault(lost_at, 2, WireFault::cut);
            witnessed.outcome = pair.run();
            witnessed.claims = pair.primary_witness->claims();
            return witnessed;
        });
        for (size_t i = 0; i < cases.size(); ++i) {
            const SideOutcome& primary = results[i].outcome.primary;
            print_message("  %s: %s\n", cases[i].name,
                          to_text(results[i].outcome).c_str());
            assert_int_equal(results[i].claims, cases[i].claims);
            assert_false(results[i].ran);
            assert_text(to_string(primary.end.state), cases[i].state);
            assert_contains(primary.end.why, cases[i].why);
            assert_true(kinds_of(primary.status) == cases[i].warnings);
            assert_true(primary.runs == cases[i].runs);
        }
    }
}

struct Witnessed {
    PairOutcome outcome;
    bool twice = false;          // both ran while somebody asked
};

Witnessed run_witnessed(SessionPair& pair,
                        std::vector<Claim> primary_hears_first = {})
{
    FakeThirdHost third;
    Witnessed witnessed;
    pair.witness = std::make_unique<FakeWitness>(third, Role::secondary);
    pair.primary_witness = std::make_unique<FakeWitness>(
        third, Role::primary, std::move(primary_hears_first));
    const auto look = [&] {
        const auto copy = pair.secondary_host.last_guest();
        witnessed.twice |= copy && copy->runs() && pair.guest().runs();
    };
    pair.witness->on_claim = look;
    pair.primary_witness->on_claim = look;
    witnessed.outcome = pair.run();
    return witnessed;
}

// At each frame from the first whole copy on, in either direction.
void broken_connection_leaves_the_guest_to_the_primary(void**)
{
    struct Break {
        FrameType type;
        unsigned nth;
        WireFault fault;
    };
    std::vector<Break> breaks;
    for (const WireFault fault : {WireFault::cut, WireFault::freeze}) {
        for (const FrameType type :
             {FrameType::COMMITTED, FrameType::READY, FrameType::RESUME,
              FrameType::RESUMED, FrameType::DONE, FrameType::CHECKPOINT,
              FrameType::SUSPENDED, FrameType::DIRTY_SET,
              FrameType::DEVICE_STATE}) {
            breaks.push_back({type, 2, fault});
        }
    }
    const auto results = run_side_by_side(breaks, [](const Break& b) {
        SessionPair pair;
        pair.options.settings.timeout = 700ms;
        pair.wire.fault(b.type, b.nth, b.fault);
        return run_witnessed(pair);
    });
    for (size_t i = 0; i < breaks.size(); ++i) {
        const PairOutcome& outcome = results[i].outcome;
        print_message("  %s: %s\n", to_string(breaks[i].type).c_str(),
                      to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        assert_false(results[i].twice);
        assert_true(outcome.primary.runs);
        // Nobody is warned of what cannot be.
        assert_true(outcome.primary.status.warnings.empty());
    }
}

// The primary does not reach the witness for a while, and the secondary does.
void guest_goes_to_the_side_that_reaches_the_witness(void**)
{
    SessionPair pair;
    pair.options.settings.timeout = 600ms;
    pair.wire.fault(FrameType::DONE, 2, WireFault::cut);
    using enum Claim;
    const Witnessed witnessed =
        run_witnessed(pair, {unknown, unknown, unknown, unknown});
    print_message("  %s\n", to_text(witnessed.outcome).c_str());
    assert_true(broken_rules(witnessed.outcome).empty());
    assert_text(states(witnessed.outcome), "ended/taken-over");
    assert_false(witnessed.twice);
    assert_true(witnessed.outcome.primary.guest == GuestState::gone);
}

// xl-colo-stop in a network that has broken just before: the copy may hear
// nothing of it.
void stop_that_nobody_answers(void**)
{
    for (const bool witness : {false, true}) {
        SessionPair pair;
        pair.options.settings.timeout = 600ms;
        pair.wire.at(FrameType::DONE, 2, [&pair] {
            pair.primary().request_stop("xl-colo-stop");
        });
        pair.wire.fault(FrameType::STOP, 1, WireFault::freeze);
        Witnessed witnessed;
        if (witness) {
            witnessed = run_witnessed(pair);
        } else {
            witnessed.outcome = pair.run();
        }
        const SideOutcome& primary = witnessed.outcome.primary;
        print_message("  %s\n", to_text(witnessed.outcome).c_str());
        assert_true(broken_rules(witnessed.outcome).empty());
        assert_text(states(witnessed.outcome), witness
                                                   ? "unprotected/ended"
                                                   : "unprotected/taken-over");
        // Who asked is told whether the guest is here alone.
        assert_true(primary.end.orderly == witness);
        assert_true(primary.status.warnings.empty() == witness);
        if (!witness) {
            assert_contains(primary.end.why, "did not confirm");
        }
    }
}

// It has powered off when the secondary was lost: the copy is not to go on.
void guest_that_has_ended_is_claimed_too(void**)
{
    SessionPair pair;
    pair.options.settings.timeout = 600ms;
    pair.wire.at(FrameType::DONE, 2, [&pair] {
        pair.primary_host.shut_down(pair.guest().domid, GuestState::poweroff);
        pair.primary().domains_changed();
    });
    pair.wire.fault(FrameType::STOP, 1, WireFault::freeze);
    const Witnessed witnessed = run_witnessed(pair);
    print_message("  %s\n", to_text(witnessed.outcome).c_str());
    assert_text(states(witnessed.outcome), "unprotected/ended");
    assert_true(witnessed.outcome.primary.guest == GuestState::poweroff);
    assert_true(witnessed.outcome.secondary.guest == GuestState::gone);
}

// The checkpoint is in, and the word to go on is lost: nor does the copy go on
// for a moment.
void copy_that_waits_for_the_word_waits_for_the_witness(void**)
{
    for (const unsigned nth : {1u, 3u}) {
        SessionPair pair;
        pair.options.settings.timeout = 600ms;
        pair.witness = std::make_unique<FakeWitness>(
            std::vector{Claim::unknown, Claim::theirs});
        pair.wire.fault(FrameType::RESUME, nth, WireFault::cut);
        const PairOutcome outcome = pair.run();
        print_message("  RESUME %u: %s\n", nth, to_text(outcome).c_str());
        assert_text(to_string(outcome.secondary.end.state), "ended");
        assert_contains(outcome.secondary.end.why,
                        "the witness has given the guest to the primary");
        assert_true(outcome.secondary.has_run == (nth > 1));
        // Of checkpoint 1; the initial copy is only unpaused.
        assert_int_equal(pair.secondary_host.faults.calls("resume"),
                         nth > 1 ? 1 : 0);
    }
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(240);
    const CMUnitTest tests[] = {
        cmocka_unit_test(secondary_takes_over_only_when_the_guest_is_its_own),
        cmocka_unit_test(primary_goes_on_only_when_the_guest_is_its_own),
        cmocka_unit_test(broken_connection_leaves_the_guest_to_the_primary),
        cmocka_unit_test(guest_goes_to_the_side_that_reaches_the_witness),
        cmocka_unit_test(stop_that_nobody_answers),
        cmocka_unit_test(guest_that_has_ended_is_claimed_too),
        cmocka_unit_test(
            copy_that_waits_for_the_word_waits_for_the_witness),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
