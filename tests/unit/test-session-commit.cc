// The primary's guest stands for no longer than its pages are copied: the copy
// stands first, and what was copied is sent while the guest goes on. What may
// befall a session meanwhile.
#include <csignal>
#include <thread>

#include "session_pair.h"
#include "session_rules.h"
#include "slowed.h"

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

// Long enough that whoever stands still until it is over is caught.
constexpr auto a_moment = 100ms;

void guest_goes_on_while_its_pages_are_sent(void**)
{
    for (const bool verify : {false, true}) {
        print_message("  %s\n", verify ? "verify" : "without verify");
        SessionPair pair;
        pair.options.settings.verify = verify;
        std::vector<std::string> ran;
        for (const FrameType type :
             {FrameType::PAGES, FrameType::DEVICE_STATE, FrameType::COMMITTED,
              FrameType::READY}) {
            // Of checkpoint 2.
            const unsigned nth = type == FrameType::PAGES ? 9 : 3;
            pair.wire.at(type, nth, [&, type] {
                std::this_thread::sleep_for(a_moment);
                if (pair.guest().runs()) {
                    ran.push_back(to_string(type));
                }
            });
        }
        const PairOutcome outcome = pair.run();
        assert_true(broken_rules(outcome).empty());
        assert_true(outcome.primary.end.orderly);
        assert_true(ran == (verify ? std::vector<std::string>()
                                   : std::vector<std::string>(
                                         {"PAGES", "DEVICE_STATE", "COMMITTED",
                                          "READY"})));
    }
}

// The initial copy's end, too: libxl builds the copy for seconds after it.
void guest_does_not_wait_until_the_copy_is_built(void**)
{
    SessionPair pair;
    bool ran = false;
    pair.secondary_host.faults.at("wait_built", 1, [&] {
        std::this_thread::sleep_for(a_moment);
        ran = pair.guest().runs();
    });
    const PairOutcome outcome = pair.run();
    assert_true(outcome.primary.end.orderly);
    assert_true(ran);
}

void copy_stands_and_has_told_of_b_first(void**)
{
    SessionPair pair;
    std::map<FrameType, unsigned> before;
    bool copy_ran = true;
    pair.primary_host.faults.at("suspend", 3, [&] {
        before = pair.wire.all();
        copy_ran = pair.secondary_host.last_guest()->runs();
    });
    bool stood = false;
    pair.wire.at(FrameType::DIRTY_DIGESTS, 2, [&] {
        std::this_thread::sleep_for(a_moment);
        stood = !pair.guest().runs();
    });
    const PairOutcome outcome = pair.run();
    assert_true(outcome.primary.end.orderly);
    assert_int_equal(before[FrameType::SUSPENDED], 2);
    assert_int_equal(before[FrameType::DIRTY_SET], 2);
    assert_int_equal(before[FrameType::DIRTY_DIGESTS], 2);
    assert_false(copy_ran);
    assert_false(stood);
}

void guest_never_stands_for_a_copy_that_does_not(void**)
{
    SessionPair pair;
    pair.options.step_timeout = slowed(300ms);
    pair.secondary_host.faults.at("suspend_copy", 1, [] {
        std::this_thread::sleep_for(slowed(1s));
    });
    const PairOutcome outcome = pair.run();
    print_message("  %s\n", to_text(outcome).c_str());
    assert_true(broken_rules(outcome).empty());
    assert_text(states(outcome), "unprotected/ended");
    assert_contains(outcome.primary.end.why, "SUSPENDED");
    // But for the initial copy.
    assert_int_equal(pair.primary_host.faults.calls("suspend"), 1);
}

// A buffer that holds nothing: libxc, and so the guest, waits for the wire.
void what_the_buffer_does_not_hold_is_waited_for(void**)
{
    for (const uint64_t size : {uint64_t{0}, uint64_t{1} << 20}) {
        SessionPair pair;
        pair.options.buffer = Bytes{size};
        pair.options.max_checkpoints = 5;
        pair.options.settings.verify = true;
        const PairOutcome outcome = pair.run();
        assert_true(broken_rules(outcome).empty());
        assert_true(outcome.primary.end.orderly);
        assert_int_equal(outcome.primary.status.verified, 6);
        assert_true(outcome.primary.status.last->copied > Bytes{0});
    }
}

// ---- what may happen from the resumption to COMMITTED -----------------------

void primary_that_is_lost_there_leaves_the_state_before(void**)
{
    for (const FrameType type : {FrameType::PAGES, FrameType::RECORD,
                                 FrameType::DEVICE_STATE}) {
        SessionPair pair;
        std::map<FrameType, unsigned> upto;
        // The first of that type in checkpoint 2.
        pair.wire.at(FrameType::SUSPENDED, 2,
                     [&] { upto = pair.wire.all(); });
        const PairOutcome whole = pair.run();
        assert_true(whole.primary.end.orderly);

        SessionPair broken;
        broken.wire.fault(type, upto[type] + 1, WireFault::cut);
        const PairOutcome outcome = broken.run();
        print_message("  %s: %s\n", to_string(type).c_str(),
                      to_text(outcome).c_str());
        // The rules hold what runs against what the guest was.
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/taken-over");
        assert_contains(outcome.secondary.end.why,
                        "during checkpoint 2, which is not complete");
    }
}

void guest_that_shuts_down_there_ends_protection(void**)
{
    for (const GuestState state : {GuestState::poweroff, GuestState::reboot,
                                   GuestState::crash, GuestState::gone}) {
        SessionPair pair;
        pair.wire.at(FrameType::DEVICE_STATE, 3, [&] {
            if (state == GuestState::gone) {
                pair.guest().destroy();
            } else {
                pair.guest().shut_down(state);
            }
            pair.primary().domains_changed();
            std::this_thread::sleep_for(a_moment);
        });
        const PairOutcome outcome = pair.run();
        print_message("  %s\n", to_text(outcome).c_str());
        assert_text(states(outcome), "unprotected/ended");
        assert_true(outcome.primary.end.orderly);
        assert_true(outcome.primary.guest == state);
        assert_true(outcome.secondary.guest == GuestState::gone);
    }
}

void stop_is_heard_there_on_either_host(void**)
{
    for (const Role host : {Role::primary, Role::secondary}) {
        SessionPair pair;
        pair.wire.at(FrameType::DEVICE_STATE, 3, [&] {
            (host == Role::primary ? pair.primary() : pair.secondary())
                .request_stop("asked");
            std::this_thread::sleep_for(a_moment);
        });
        const PairOutcome outcome = pair.run();
        print_message("  %s: %s\n", to_string(host),
                      to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        assert_true(outcome.primary.runs);
        assert_contains(outcome.primary.end.why, "asked");
    }
}

// Neither is it lost, nor is half a checkpoint taken over.
void failover_is_heard_after_it(void**)
{
    SessionPair pair;
    pair.options.max_checkpoints = std::nullopt;
    pair.options.settings.interval = 1h;
    pair.wire.at(FrameType::DEVICE_STATE, 1, [&] {
        pair.secondary().request_failover();
        std::this_thread::sleep_for(a_moment);
    });
    const PairOutcome outcome = pair.run();
    print_message("  %s\n", to_text(outcome).c_str());
    assert_true(broken_rules(outcome).empty());
    assert_text(states(outcome), "ended/taken-over");
    assert_int_equal(outcome.frames.at(FrameType::RESUMED), 1);
}

void step_that_fails_there_leaves_the_guest_running(void**)
{
    for (const char* call : {"restore: page", "load_device_state", "resume"}) {
        SessionPair pair;
        // In checkpoint 1: the initial copy has 40-odd pages, several times.
        pair.secondary_host.faults.let_fail(
            call, std::string(call) == "restore: page" ? 200 : 1,
            Error(ErrorKind::io, "made to fail"));
        bool stood = false;
        pair.wire.at(FrameType::STOP, 1,
                     [&] { stood = !pair.guest().runs(); });
        const PairOutcome outcome = pair.run();
        print_message("  %s: %s\n", call, to_text(outcome).c_str());
        assert_true(broken_rules(outcome).empty());
        assert_text(states(outcome), "unprotected/ended");
        assert_false(stood);
    }
}

// ---- figures ----------------------------------------------------------------

void figures_tell_pause_and_commit_apart(void**)
{
    SessionPair pair;
    pair.options.max_checkpoints = 2;
    pair.wire.at(FrameType::DEVICE_STATE, 3,
                 [] { std::this_thread::sleep_for(a_moment); });
    const PairOutcome outcome = pair.run();
    assert_true(outcome.primary.end.orderly);
    const CheckpointFigures& last = *outcome.primary.status.last;
    assert_true(last.suspend <= last.pause);
    assert_true(last.pause <= last.commit);
    assert_true(last.send <= last.commit);
    assert_true(last.commit <= last.both_run);
    assert_true(last.commit >= a_moment);
    // The copy stood before the primary's guest did, until both ran.
    assert_true(last.copy_pause.value() >= a_moment);
    assert_true(last.copy_suspend.value() <= last.copy_pause.value());
    assert_true(last.copy_load.value() <= last.copy_pause.value());
    const CheckpointFigures& theirs = *outcome.secondary.status.last;
    assert_true(theirs.copy_pause == last.copy_pause);
    assert_true(theirs.commit == last.commit);
}

}  // namespace

int main()
{
    std::signal(SIGPIPE, SIG_IGN);
    alarm(300);  // a session that does not end fails
    const CMUnitTest tests[] = {
        cmocka_unit_test(guest_goes_on_while_its_pages_are_sent),
        cmocka_unit_test(guest_does_not_wait_until_the_copy_is_built),
        cmocka_unit_test(copy_stands_and_has_told_of_b_first),
        cmocka_unit_test(guest_never_stands_for_a_copy_that_does_not),
        cmocka_unit_test(what_the_buffer_does_not_hold_is_waited_for),
        cmocka_unit_test(primary_that_is_lost_there_leaves_the_state_before),
        cmocka_unit_test(guest_that_shuts_down_there_ends_protection),
        cmocka_unit_test(stop_is_heard_there_on_either_host),
        cmocka_unit_test(failover_is_heard_after_it),
        cmocka_unit_test(step_that_fails_there_leaves_the_guest_running),
        cmocka_unit_test(figures_tell_pause_and_commit_apart),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
