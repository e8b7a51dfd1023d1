// Signals to the processes of a protected guest: see process/signals.h. Nothing
// that can be blocked may end one in the middle of what it does.
#include <array>

#include "commands.h"

using namespace xl_colo;

namespace {

constexpr std::array not_for_us{SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
                                SIGPROF, SIGXFSZ, SIGXCPU, SIGPIPE,
                                SIGPWR,  SIGTSTP, SIGTTIN, SIGTTOU,
                                SIGIO,   SIGSTKFLT};

// Whether the session on that host has taken another three checkpoints.
bool goes_on(CommandBed& bed, On host)
{
    const auto now = bed.status(host);
    return now && bed.wait_for([&] {
        const auto later = bed.status(host);
        return !later || later->checkpoints >= now->checkpoints + 3;
    }) && bed.status(host)->state == State::protecting;
}

void signals_that_are_not_for_us_do_nothing(void**)
{
    for (const On host : {On::alpha, On::beta}) {
        bool protecting = false, same = false, on = false;
        {
            Scratch s;
            protecting = protect(s.bed);
            const pid_t process = s.bed.process(host);
            for (const int signal : not_for_us) {
                send_signal(process, signal);
            }
            send_signal(process, SIGRTMIN);
            send_signal(process, SIGRTMAX);
            on = goes_on(s.bed, host);
            same = s.bed.process(host) == process;
        }
        assert_true(protecting);
        assert_true(on);
        assert_true(same);
    }
}

void hangup_does_nothing_in_the_background(void**)
{
    for (const On host : {On::alpha, On::beta}) {
        bool on = false;
        {
            Scratch s;
            protect(s.bed);
            send_signal(s.bed.process(host), SIGHUP);
            on = goes_on(s.bed, host);
        }
        assert_true(on);
    }
}

// As when a host is shut down: everything of it, what joins the hosts first.
void session_ends_in_order_when_all_are_signalled(void**)
{
    State primary{};
    bool gone = false, copy_runs = true, twice = true;
    {
        Scratch s;
        protect(s.bed);
        const pid_t process = s.bed.process(On::alpha);
        for (const pid_t pid : s.bed.processes("relay")) {
            send_signal(pid, SIGTERM);
            send_signal(pid, SIGHUP);
        }
        send_signal(process, SIGTERM);
        send_signal(process, SIGHUP);
        gone = s.bed.wait_for([&] {
            return s.bed.copy()->state == GuestState::gone;
        });
        (void)s.bed.wait_for_state(On::alpha, State::unprotected);
        copy_runs = s.bed.copy_runs();
        if (const auto now = s.bed.status(On::alpha)) {
            primary = now->state;
            twice = now->warning(WarningKind::guest_twice) != nullptr;
        }
    }
    assert_true(gone);
    assert_false(copy_runs);
    assert_int_equal(primary, State::unprotected);
    assert_false(twice);
}

void stop_signals_end_it_in_order(void**)
{
    for (const On host : {On::alpha, On::beta}) {
        for (const int signal : {SIGINT, SIGQUIT, SIGTERM}) {
            State state{};
            bool gone = false, runs = false;
            {
                Scratch s;
                protect(s.bed);
                send_signal(s.bed.process(host), signal);
                (void)s.bed.wait_for_state(On::alpha, State::unprotected);
                state = s.bed.status(On::alpha)->state;
                gone = s.bed.wait_for([&] {
                    return s.bed.copy()->state == GuestState::gone;
                });
                runs = s.bed.guest_runs();
            }
            assert_int_equal(state, State::unprotected);
            assert_true(gone);
            assert_true(runs);
        }
    }
}

// As systemd-logind ends the scope of a session.
void termination_with_a_hangup_is_an_orderly_end(void**)
{
    State state{};
    bool gone = false;
    {
        Scratch s;
        protect(s.bed);
        const pid_t process = s.bed.process(On::alpha);
        send_signal(process, SIGTERM);
        send_signal(process, SIGHUP);
        (void)s.bed.wait_for_state(On::alpha, State::unprotected);
        state = s.bed.status(On::alpha)->state;
        gone = s.bed.wait_for(
            [&] { return s.bed.copy()->state == GuestState::gone; });
    }
    assert_int_equal(state, State::unprotected);
    assert_true(gone);
}

// The terminal goes while the initial copy is made.
void hangup_in_the_foreground_ends_it_in_order(void**)
{
    CommandBed::Ran ran;
    bool runs = false;
    {
        Scratch s;
        const pid_t pid = s.bed.begin(On::alpha, s.bed.start({"-F"}));
        (void)s.bed.wait_for_state(On::alpha, State::protecting);
        send_signal(pid, SIGHUP);
        ran = s.bed.end(pid);
        runs = s.bed.guest_runs();
    }
    assert_true(succeeded(ran));
    assert_contains(ran.err, "SIGHUP");
    assert_true(runs);
}

void hangup_under_nohup_does_nothing(void**)
{
    bool on = false;
    {
        Scratch s;
        signal(SIGHUP, SIG_IGN);
        const pid_t pid = s.bed.begin(On::alpha, s.bed.start({"-F"}));
        signal(SIGHUP, SIG_DFL);
        (void)s.bed.wait_for_state(On::alpha, State::protecting);
        send_signal(pid, SIGHUP);
        on = goes_on(s.bed, On::alpha);
    }
    assert_true(on);
}

// Nobody could wait for a child: ssh, or the fence.
void ignored_sigchld_is_put_right(void**)
{
    CommandBed::Ran ran;
    {
        Scratch s;
        signal(SIGCHLD, SIG_IGN);
        const pid_t pid = s.bed.begin(
            On::alpha, {"xl-colo-start", "-F", "-s", "", "web1", "exit 3"});
        signal(SIGCHLD, SIG_DFL);
        ran = s.bed.end(pid);
    }
    assert_true(failed(ran));
    assert_contains(ran.err, "exit 3");
    assert_contains(ran.err, "3");
}

}  // namespace

int main(int argc, char** argv)
{
    if (const auto status = run_as_command(argc, argv)) {
        return *status;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(signals_that_are_not_for_us_do_nothing),
        cmocka_unit_test(hangup_does_nothing_in_the_background),
        cmocka_unit_test(session_ends_in_order_when_all_are_signalled),
        cmocka_unit_test(stop_signals_end_it_in_order),
        cmocka_unit_test(termination_with_a_hangup_is_an_orderly_end),
        cmocka_unit_test(hangup_in_the_foreground_ends_it_in_order),
        cmocka_unit_test(hangup_under_nohup_does_nothing),
        cmocka_unit_test(ignored_sigchld_is_put_right),
    };
    const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
    return failures != 0;
}
