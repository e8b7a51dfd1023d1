// What people and the guest ask for, at each frame of a session in turn: stop
// on either host, failover, power-off; and who holds the guest when the
// connection breaks in the middle of that.
#include <csignal>
#include <thread>

#include "parallel.h"
#include "session_pair.h"
#include "session_rules.h"
#include "slowed.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

struct Case {
    FrameType type;
    unsigned nth;
};

std::string name_of(const Case& c)
{
    return to_string(c.type) + " " + std::to_string(c.nth);
}

// Each frame of a session, but for those that end it.
std::vector<Case> each_frame()
{
    SessionPair pair;
    pair.options.max_checkpoints = 2;
    std::vector<Case> cases;
    for (const auto& [type, count] : pair.run().frames) {
        if (type != FrameType::STOP && type != FrameType::BYE) {
            for (unsigned nth = 1; nth <= count; ++nth) {
                cases.push_back({type, nth});
            }
        }
    }
    return cases;
}

using Request = std::function<void(SessionPair&)>;

// The session goes on until the request ends it.
PairOutcome run_with(SessionPair& pair, const Case& c, const Request& request)
{
    pair.options.max_checkpoints.reset();
    pair.wire.at(c.type, c.nth, [&pair, request] { request(pair); });
    return pair.run();
}

void request_at_each_frame(const Request& request, const char* states_then,
                           const char* primary_why, const char* secondary_why)
{
    const std::vector<Case> cases = each_frame();
    const auto outcomes = run_side_by_side(cases, [&](const Case& c) {
        SessionPair pair;
        return run_with(pair, c, request);
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        const PairOutcome& outcome = outcomes[i];
        if (!broken_rules(outcome).empty() ||
            states(outcome) != states_then ||
            outcome.primary.end.why != primary_why ||
            outcome.secondary.end.why != secondary_why ||
            outcome.took > slowed(15s)) {
            fail_msg("at %s: %s", name_of(cases[i]).c_str(),
                     to_text(outcome).c_str());
        }
    }
}

void stop_on_the_primary(void**)
{
    request_at_each_frame(
        [](SessionPair& pair) { pair.primary().request_stop("asked"); },
        "unprotected/ended", "asked", "primary: asked");
}

void stop_on_the_secondary(void**)
{
    request_at_each_frame(
        [](SessionPair& pair) { pair.secondary().request_stop("asked"); },
        "unprotected/ended", "secondary: asked", "asked");
}

// The one domain left has the guest's name, and the other host has none.
void failover(void**)
{
    request_at_each_frame(
        [](SessionPair& pair) { pair.secondary().request_failover(); },
        "ended/taken-over", "failover to the secondary",
        "failover was asked for here");
    SessionPair pair;
    const PairOutcome outcome =
        run_with(pair, {FrameType::DONE, 2}, [](SessionPair& p) {
            p.secondary().request_failover();
        });
    assert_true(outcome.primary.guest == GuestState::gone);
    assert_text(outcome.secondary.name, "guest");
}

// A guest can only end while it runs. At one of these frames it may be
// suspended for a moment, and nothing happens: so a later stop ends that.
void guest_that_ends_by_itself(void**)
{
    const std::vector<Case> cases = each_frame();
    struct End {
        PairOutcome outcome;
        bool ended = false;
    };
    const auto ends = run_side_by_side(cases, [](const Case& c) {
        SessionPair pair;
        End end;
        pair.wire.at(FrameType::DONE, 6, [&pair] {
            pair.primary().request_stop("it has not ended");
        });
        end.outcome = run_with(pair, c, [&end](SessionPair& p) {
            p.primary_host.shut_down(p.guest().domid, GuestState::poweroff);
            p.primary().domains_changed();
            end.ended = p.guest().state() == GuestState::poweroff;
        });
        return end;
    });
    size_t ended = 0;
    for (size_t i = 0; i < cases.size(); ++i) {
        const PairOutcome& outcome = ends[i].outcome;
        const bool stopped_for_it =
            outcome.primary.end.why.find("poweroff") != std::string::npos &&
            outcome.secondary.end.why.find("poweroff") != std::string::npos;
        const bool fine =
            states(outcome) == "unprotected/ended" &&
            outcome.secondary.guest == GuestState::gone &&
            outcome.primary.end.orderly && outcome.took < slowed(15s) &&
            outcome.secondary.violations.empty() &&
            (ends[i].ended
                 // Nobody resumes it: its shutdown is still to be carried out.
                 ? outcome.primary.guest == GuestState::poweroff &&
                       stopped_for_it
                 : outcome.primary.runs && !stopped_for_it);
        if (!fine) {
            fail_msg("at %s, %s: %s", name_of(cases[i]).c_str(),
                     ends[i].ended ? "ended" : "not ended",
                     to_text(outcome).c_str());
        }
        ended += ends[i].ended;
    }
    assert_true(ended > cases.size() / 2);
}

void copy_that_vanishes_ends_protection(void**)
{
    const std::vector<Case> cases = each_frame();
    const auto outcomes = run_side_by_side(cases, [](const Case& c) {
        SessionPair pair;
        return run_with(pair, c, [](SessionPair& p) {
            if (const auto copy = p.secondary_host.last_guest()) {
                p.secondary_host.shut_down(copy->domid, GuestState::gone);
                p.secondary().domains_changed();
            } else {
                p.secondary().request_stop("too early for this");
            }
        });
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        if (!broken_rules(outcomes[i]).empty() ||
            states(outcomes[i]) != "unprotected/ended" ||
            outcomes[i].took > slowed(15s)) {
            fail_msg("at %s: %s", name_of(cases[i]).c_str(),
                     to_text(outcomes[i]).c_str());
        }
    }
}

// ---- a host that is alive but stuck ----------------------------------------

struct Stuck {
    const char* name;
    const char* call;  // of the secondary's host
    unsigned nth;
};

const std::vector<Stuck> stuck_calls{
    {"building_the_domain", "wait_built", 1},
    {"suspending", "suspend_copy", 1},
    {"loading_the_device_state", "load_device_state", 2},
    {"resuming", "resume", 1},
    {"applying_pages", "restore: page", 80},
};

struct Freed {
    PairOutcome outcome;
    bool ran_meanwhile = false;
};

// The primary's guest goes on while the other host is stuck, which it is for
// `longer` than that takes.
Freed run_with_stuck(SessionPair& pair, const Stuck& stuck,
                     const Request& request,
                     std::chrono::milliseconds longer = 0ms)
{
    // The primary waits that long for BYE.
    pair.options.settings.timeout = slowed(1s);
    auto& faults = pair.secondary_host.faults;
    faults.hold(stuck.call, stuck.nth);
    Freed freed;
    std::thread admin([&] {
        if (!faults.wait_held(stuck.call)) {
            return;  // nothing may run any more that could be asked
        }
        request(pair);
        const auto deadline = std::chrono::steady_clock::now() + slowed(10s);
        while (!freed.ran_meanwhile &&
               std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(5ms);
            freed.ran_meanwhile = pair.guest().runs();
        }
        std::this_thread::sleep_for(longer);
        faults.release(stuck.call);
    });
    freed.outcome = pair.run();
    admin.join();
    return freed;
}

void check_freed(const Stuck& stuck, const Freed& freed)
{
    print_message("  %s: %s\n", stuck.name, to_text(freed.outcome).c_str());
    assert_true(freed.ran_meanwhile);
    assert_true(broken_rules(freed.outcome).empty());
    assert_text(states(freed.outcome), "unprotected/ended");
}

void stop_does_not_wait_for_a_peer_that_is_stuck(void**)
{
    const auto results =
        run_side_by_side(stuck_calls, [](const Stuck& stuck) {
            SessionPair pair;
            return run_with_stuck(pair, stuck, [](SessionPair& p) {
                p.primary().request_stop("asked");
            });
        });
    for (size_t i = 0; i < stuck_calls.size(); ++i) {
        check_freed(stuck_calls[i], results[i]);
        assert_text(results[i].outcome.primary.end.why, "asked");
    }
}

// Nobody asks for anything: heartbeats alone do not keep the guest waiting.
void peer_that_is_stuck_ends_protection_after_the_step_timeout(void**)
{
    const auto results =
        run_side_by_side(stuck_calls, [](const Stuck& stuck) {
            SessionPair pair;
            pair.options.step_timeout = slowed(200ms);
            // The guest runs already; for the initial copy it is ten times
            // that long.
            return run_with_stuck(pair, stuck, [](SessionPair&) {},
                                  slowed(3s));
        });
    for (size_t i = 0; i < stuck_calls.size(); ++i) {
        check_freed(stuck_calls[i], results[i]);
        assert_contains(results[i].outcome.primary.end.why,
                        "is heard, but has not done its next step");
        assert_false(results[i].outcome.primary.end.orderly);
    }
}

// ---- the failover's own frames ---------------------------------------------

struct Break {
    FrameType type;
    WireFault fault;
    const char* states;
    bool primary_warns, secondary_warns;
};

void failover_over_a_connection_that_breaks(void**)
{
    const std::vector<Break> breaks{
        {FrameType::TAKEOVER, WireFault::cut, "unprotected/taken-over", true,
         true},
        {FrameType::TAKEOVER, WireFault::freeze, "unprotected/taken-over",
         true, true},
        {FrameType::TAKEOVER, WireFault::garble, "unprotected/ended", true,
         false},
        {FrameType::YIELDED, WireFault::cut, "held/taken-over", true, true},
        {FrameType::YIELDED, WireFault::freeze, "held/taken-over", true, true},
        {FrameType::TAKEN_OVER, WireFault::cut, "held/taken-over", true,
         false},
        {FrameType::TAKEN_OVER, WireFault::freeze, "held/taken-over", true,
         false},
        {FrameType::TAKEN_OVER, WireFault::garble, "held/taken-over", true,
         false},
    };
    const auto outcomes = run_side_by_side(breaks, [](const Break& b) {
        SessionPair pair;
        pair.options.settings.timeout = slowed(2500ms);
        pair.wire.fault(b.type, 1, b.fault);
        return run_with(pair, {FrameType::DONE, 2}, [](SessionPair& p) {
            p.secondary().request_failover();
        });
    });
    for (size_t i = 0; i < breaks.size(); ++i) {
        const PairOutcome& outcome = outcomes[i];
        print_message("  %s %d: %s\n", to_string(breaks[i].type).c_str(),
                      static_cast<int>(breaks[i].fault),
                      to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), breaks[i].states);
        assert_int_equal(!outcome.primary.status.warnings.empty(),
                         breaks[i].primary_warns);
        assert_int_equal(!outcome.secondary.status.warnings.empty(),
                         breaks[i].secondary_warns);
    }
}

struct Refusal {
    const char* name;
    Role host;
    const char* call;
    const char* states;
};

// Whatever fails, the guest ends up on one host.
void failover_in_which_a_call_fails(void**)
{
    const std::vector<Refusal> refusals{
        {"primary_cannot_hold_its_guest", Role::primary, "pause",
         "unprotected/ended"},
        {"primary_cannot_destroy_its_guest", Role::primary, "destroy",
         "ended/taken-over"},
        {"copy_cannot_be_renamed", Role::secondary, "rename",
         "ended/taken-over"},
    };
    const auto outcomes = run_side_by_side(refusals, [](const Refusal& r) {
        SessionPair pair;
        auto& host = r.host == Role::primary ? pair.primary_host
                                             : pair.secondary_host;
        host.faults.let_fail(r.call, 1,
                             Error(ErrorKind::libxl, "injected", -3));
        return run_with(pair, {FrameType::DONE, 2}, [](SessionPair& p) {
            p.secondary().request_failover();
        });
    });
    for (size_t i = 0; i < refusals.size(); ++i) {
        print_message("  %s: %s\n", refusals[i].name,
                      to_text(outcomes[i]).c_str());
        assert_text(states(outcomes[i]), refusals[i].states);
        assert_true(outcomes[i].primary.runs != outcomes[i].secondary.runs);
        assert_true(broken_rules(outcomes[i]).empty());
    }
}

// ---- the fence -------------------------------------------------------------

struct FenceCase {
    const char* name;
    std::vector<bool> answers;
    Request meanwhile;  // at its second run
    size_t runs;
    const char* state;
    std::vector<WarningKind> warnings;
};

struct Fenced {
    PairOutcome outcome;
    size_t runs = 0;
    bool copy_ran = false;  // while the fence was asked
};

Fenced run_fenced(const FenceCase& c, const Request& set_up)
{
    SessionPair pair;
    pair.options.settings.timeout = slowed(1500ms);
    Fenced fenced;
    pair.fence = std::make_unique<FakeFence>(c.answers);
    pair.fence->on_run = [&] {
        // What it does before the answer may be done twice.
        fenced.copy_ran |= pair.secondary_host.last_guest()->runs();
        if (c.meanwhile && pair.fence->runs() == 2) {
            c.meanwhile(pair);
        }
    };
    set_up(pair);
    fenced.outcome = pair.run();
    fenced.runs = pair.fence->runs();
    return fenced;
}

void check_fenced(const FenceCase& c, const Fenced& fenced)
{
    const SideOutcome& secondary = fenced.outcome.secondary;
    print_message("  %s: %s\n", c.name, to_text(fenced.outcome).c_str());
    assert_int_equal(fenced.runs, c.runs);
    assert_false(fenced.copy_ran);
    assert_text(to_string(secondary.end.state), c.state);
    assert_int_equal(secondary.runs,
                     secondary.end.state == State::taken_over);
    assert_true(kinds_of(secondary.status) == c.warnings);
    assert_true(broken_rules(fenced.outcome).empty());
}

void secondary_takes_over_only_when_the_fence_says_yes(void**)
{
    const std::vector<FenceCase> cases{
        {"yes_at_once", {true}, nullptr, 1, "taken-over", {}},
        {"yes_at_the_third_time", {false, false, true}, nullptr, 3,
         "taken-over", {}},
        {"no_until_an_admin_says_yes", {false},
         [](SessionPair& pair) { pair.secondary().request_failover(); }, 2,
         "taken-over", {WarningKind::guest_twice}},
        {"no_until_an_admin_calls_it_off", {false},
         [](SessionPair& pair) { pair.secondary().request_stop("off"); }, 2,
         "ended", {}},
    };
    const auto results = run_side_by_side(cases, [](const FenceCase& c) {
        return run_fenced(c, [](SessionPair& pair) {
            pair.wire.fault(FrameType::DONE, 2, WireFault::cut);
        });
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        check_fenced(cases[i], results[i]);
    }
}

// A failover that the primary does not answer is a loss: the fence has to say
// yes. What was asked for before it said no does not overrule it.
void failover_without_an_answer_is_a_loss(void**)
{
    const Request off = [](SessionPair& pair) {
        pair.secondary().request_stop("off");
    };
    const Request knows_better = [](SessionPair& pair) {
        pair.secondary().request_failover();
    };
    const std::vector<FenceCase> cases{
        {"yes", {true}, nullptr, 1, "taken-over", {}},
        {"no", {false}, off, 2, "ended", {}},
        {"no_and_asked_again", {false}, knows_better, 2, "taken-over",
         {WarningKind::guest_twice}},
    };
    const std::vector<Request> moments{
        // TAKEOVER is lost, and all after it.
        [](SessionPair& pair) {
            pair.options.max_checkpoints.reset();
            pair.wire.fault(FrameType::TAKEOVER, 1, WireFault::freeze);
            pair.wire.at(FrameType::DONE, 2, [&pair] {
                pair.secondary().request_failover();
            });
        },
        // It is asked for in a checkpoint that comes to nothing.
        [](SessionPair& pair) {
            pair.wire.fault(FrameType::READY, 2, WireFault::cut);
            pair.wire.at(FrameType::COMMITTED, 2, [&pair] {
                pair.secondary().request_failover();
            });
        },
        // The answer is lost.
        [](SessionPair& pair) {
            pair.options.max_checkpoints.reset();
            pair.wire.fault(FrameType::TAKEOVER, 1, WireFault::cut);
            pair.wire.at(FrameType::DONE, 2, [&pair] {
                pair.secondary().request_failover();
            });
        },
    };
    for (const Request& moment : moments) {
        const auto results =
            run_side_by_side(cases, [&moment](const FenceCase& c) {
                return run_fenced(c, moment);
            });
        for (size_t i = 0; i < cases.size(); ++i) {
            check_fenced(cases[i], results[i]);
        }
    }
}

// A stop that the session has heard, and behind which comes the loss of the
// primary, is not forgotten for that: nobody waits for another one.
void stop_before_the_loss_is_heard(void**)
{
    const FenceCase no{"no", {false},
                       [](SessionPair& pair) {
                           pair.secondary().request_stop("asked once more");
                       },
                       0, "ended", {}};
    const Fenced fenced = run_fenced(no, [](SessionPair& pair) {
        pair.secondary_host.faults.at("restore: send dirty list", 1, [&pair] {
            pair.secondary().request_stop("off");
            pair.wire.cut();
            std::this_thread::sleep_for(slowed(300ms));
        });
    });
    check_fenced(no, fenced);
    assert_text(fenced.outcome.secondary.end.why, "off");
}

// A fence command that hangs is no reason not to hear an admin. The first wish
// for a failover only ends the command, which is a no; the next one counts.
void fence_command_that_hangs_is_interrupted(void**)
{
    struct Hung {
        PairOutcome outcome;
        size_t runs = 0;
        bool copy_ran = false;
    };
    const std::vector<bool> ways{false, true};
    const auto results = run_side_by_side(ways, [](bool failover) {
        SessionPair pair;
        pair.options.settings.timeout = 500ms;
        pair.wire.fault(FrameType::DONE, 2, WireFault::cut);
        pair.fence = std::make_unique<FakeFence>(std::vector{true});
        pair.fence->takes = 60s;
        Hung hung;
        pair.fence->on_run = [&] {
            hung.copy_ran |= pair.secondary_host.last_guest()->runs();
            if (failover) {
                pair.secondary().request_failover();
            } else {
                pair.secondary().request_stop("off");
            }
        };
        hung.outcome = pair.run();
        hung.runs = pair.fence->runs();
        return hung;
    });
    for (const Hung& hung : results) {
        print_message("  %s\n", to_text(hung.outcome).c_str());
        assert_false(hung.copy_ran);
        assert_true(broken_rules(hung.outcome).empty());
        assert_true(hung.outcome.took < 30s);
    }
    assert_text(states(results[0].outcome), "unprotected/ended");
    assert_int_equal(results[0].runs, 1);
    assert_text(states(results[1].outcome), "unprotected/taken-over");
    assert_int_equal(results[1].runs, 2);
    assert_true(kinds_of(results[1].outcome.secondary.status) ==
                std::vector{WarningKind::guest_twice});
}

struct Slow {
    const char* name;
    std::chrono::milliseconds yield_limit;
    Request meanwhile;
    const char* states;
    const char* why;  // the secondary's
};

// A primary that is heard has the guest, however long its guest takes to
// suspend.
void failover_waits_for_a_primary_that_is_slow(void**)
{
    const Request nothing = [](SessionPair&) {};
    const std::vector<Slow> cases{
        {"it_yields_in_the_end", slowed(20s), nothing, "ended/taken-over",
         "failover was asked for here"},
        {"it_does_not_in_time", slowed(600ms),
         // None of these makes the wait any longer.
         [](SessionPair& pair) {
             const auto until =
                 std::chrono::steady_clock::now() + slowed(2600ms);
             while (std::chrono::steady_clock::now() < until) {
                 pair.secondary().domains_changed();
                 std::this_thread::sleep_for(slowed(100ms));
             }
         },
         "unprotected/ended",
         "failover: the primary is heard and did not hold its guest in "},
        {"called_off", slowed(20s),
         [](SessionPair& pair) { pair.secondary().request_stop("off"); },
         "unprotected/ended", "off"},
        {"copy_is_gone", slowed(20s),
         [](SessionPair& pair) {
             pair.secondary_host.shut_down(
                 pair.secondary_host.last_guest()->domid, GuestState::gone);
             pair.secondary().domains_changed();
         },
         "unprotected/ended", "the copy's domain is gone"},
    };
    const auto outcomes = run_side_by_side(cases, [](const Slow& slow) {
        SessionPair pair;
        pair.options.settings.timeout = slowed(700ms);
        pair.options.yield_limit = slow.yield_limit;
        pair.fence = std::make_unique<FakeFence>(std::vector<bool>{false});
        pair.primary_host.faults.at("pause", 1, [] {
            std::this_thread::sleep_for(slowed(3s));
        });
        std::thread admin;
        pair.wire.at(FrameType::TAKEOVER, 1, [&] {
            admin = std::thread([&] { slow.meanwhile(pair); });
        });
        pair.at_end = [&] {
            if (admin.joinable()) {
                admin.join();
            }
        };
        const PairOutcome outcome =
            run_with(pair, {FrameType::CHECKPOINT, 3}, [](SessionPair& p) {
                p.secondary().request_failover();
            });
        assert_int_equal(pair.fence->runs(), 0);
        return outcome;
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        print_message("  %s: %s\n", cases[i].name,
                      to_text(outcomes[i]).c_str());
        assert_text(states(outcomes[i]), cases[i].states);
        assert_contains(outcomes[i].secondary.end.why, cases[i].why);
        assert_true(broken_rules(outcomes[i]).empty());
    }
}

// ---- a takeover in which a call fails --------------------------------------

const Error injected(ErrorKind::libxl, "injected", -3);

// The copy must not move while somebody is asked whether it may.
void copy_that_cannot_be_paused_is_not_fenced_for(void**)
{
    const FenceCase c{"pause", {true}, nullptr, 1, "taken-over", {}};
    const Fenced fenced = run_fenced(c, [](SessionPair& pair) {
        pair.secondary_host.faults.let_fail("pause", 1, injected);
        pair.secondary_host.faults.let_fail("pause", 2, injected);
        pair.wire.fault(FrameType::DONE, 2, WireFault::cut);
    });
    check_fenced(c, fenced);
    assert_true(fenced.outcome.took > 1900ms);
}

struct Stubborn {
    const char* name;
    FrameType cut_at;
    const char* call;
    unsigned from, until;  // it fails
};

void guest_that_does_not_run_at_once_is_tried_again(void**)
{
    const std::vector<Stubborn> cases{
        // The first one lets the initial copy run.
        {"unpause", FrameType::DONE, "unpause", 2, 4},
        {"resume", FrameType::READY, "resume", 1, 3},
    };
    const auto results = run_side_by_side(cases, [](const Stubborn& s) {
        return run_fenced({s.name, {true}, nullptr, 1, "taken-over", {}},
                          [&s](SessionPair& pair) {
            for (unsigned nth = s.from; nth < s.until; ++nth) {
                pair.secondary_host.faults.let_fail(s.call, nth, injected);
            }
            pair.wire.fault(s.cut_at, 2, WireFault::cut);
        });
    });
    for (size_t i = 0; i < cases.size(); ++i) {
        check_fenced({cases[i].name, {true}, nullptr, 1, "taken-over", {}},
                     results[i]);
        assert_true(results[i].outcome.took > 900ms);
    }
}

void guest_that_never_runs_is_told_of(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        for (unsigned nth = 2; nth < 50; ++nth) {
            pair.secondary_host.faults.let_fail("resume", nth, injected);
        }
        pair.secondary_host.faults.at("resume", 4, [&pair] {
            pair.secondary().request_stop("SIGTERM");
        });
        pair.wire.fault(FrameType::READY, 3, WireFault::cut);
        outcome = pair.run();
    }
    print_message("  %s\n", to_text(outcome).c_str());
    assert_text(states(outcome), "unprotected/taken-over");
    assert_false(outcome.secondary.runs);
    assert_contains(outcome.secondary.end.why, "the guest does not run");
    assert_true(broken_rules(outcome).empty());
}

// By "xl pause", which nobody else will undo.
void copy_that_an_admin_has_paused_runs_as_the_guest(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        outcome = run_with(pair, {FrameType::DONE, 2}, [](SessionPair& p) {
            (void)p.secondary_host.last_guest()->pause();
            (void)p.secondary_host.last_guest()->pause();
            p.secondary().request_failover();
        });
    }
    print_message("  %s\n", to_text(outcome).c_str());
    assert_text(states(outcome), "ended/taken-over");
    assert_true(outcome.secondary.runs);
}

void guest_that_keeps_its_copys_name_is_told_of(void**)
{
    PairOutcome outcome;
    {
        SessionPair pair;
        pair.secondary_host.faults.let_fail("rename", 1, injected);
        outcome = run_with(pair, {FrameType::DONE, 2}, [](SessionPair& p) {
            p.secondary().request_failover();
        });
    }
    assert_text(states(outcome), "ended/taken-over");
    assert_text(outcome.secondary.name, "guest--incoming");
    assert_true(kinds_of(outcome.secondary.status) ==
                std::vector{WarningKind::wrong_name});
    assert_contains(outcome.secondary.end.why,
                    "the guest is here as \"guest--incoming\": injected");
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(300);  // a session that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(stop_on_the_primary),
        cmocka_unit_test(stop_on_the_secondary),
        cmocka_unit_test(failover),
        cmocka_unit_test(guest_that_ends_by_itself),
        cmocka_unit_test(copy_that_vanishes_ends_protection),
        cmocka_unit_test(stop_does_not_wait_for_a_peer_that_is_stuck),
        cmocka_unit_test(
            peer_that_is_stuck_ends_protection_after_the_step_timeout),
        cmocka_unit_test(failover_over_a_connection_that_breaks),
        cmocka_unit_test(failover_in_which_a_call_fails),
        cmocka_unit_test(secondary_takes_over_only_when_the_fence_says_yes),
        cmocka_unit_test(stop_before_the_loss_is_heard),
        cmocka_unit_test(fence_command_that_hangs_is_interrupted),
        cmocka_unit_test(failover_without_an_answer_is_a_loss),
        cmocka_unit_test(failover_waits_for_a_primary_that_is_slow),
        cmocka_unit_test(copy_that_cannot_be_paused_is_not_fenced_for),
        cmocka_unit_test(guest_that_does_not_run_at_once_is_tried_again),
        cmocka_unit_test(guest_that_never_runs_is_told_of),
        cmocka_unit_test(copy_that_an_admin_has_paused_runs_as_the_guest),
        cmocka_unit_test(guest_that_keeps_its_copys_name_is_told_of),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
