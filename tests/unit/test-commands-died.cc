// The process that protects a guest, or holds its copy, is killed: what is left
// of the guest, and what an admin sees. See process/aftermath.h.
#include <fstream>

#include "commands.h"

using namespace xl_colo;

namespace {

// What there is on a host once its process has died and somebody else answers.
struct Left {
    bool answers = false;
    State state{};
    std::string warning;       // of the kind process_died
    bool twice = false;        // a warning that both may run
    bool guest_runs = false, copy_runs = false;
    GuestState guest{}, copy = GuestState::gone;
};

Left look(CommandBed& bed, On host, pid_t dead)
{
    Left left;
    left.answers = bed.wait_for([&] {
        const auto now = bed.status(host);
        return bed.process(host) != dead && now &&
               now->warning(WarningKind::process_died);
    });
    if (const auto now = bed.status(host)) {
        left.state = now->state;
        left.twice = now->warning(WarningKind::guest_twice) != nullptr;
        if (const auto* died = now->warning(WarningKind::process_died)) {
            left.warning = died->text;
        }
    }
    left.guest_runs = bed.guest_runs();
    left.guest = bed.guest().state;
    if (bed.copy()) {
        left.copy_runs = bed.copy_runs();
        left.copy = bed.copy()->state;
    }
    return left;
}

// ---- the primary -----------------------------------------------------------

void guest_runs_again_when_its_process_dies_in_the_initial_copy(void**)
{
    CommandBed::Ran started;
    Left left;
    {
        Scratch s;
        s.bed.set_faults(On::alpha, "device_state:1:kill");
        started = s.bed.run(On::alpha, s.bed.start());
        left = look(s.bed, On::alpha, 0);
    }
    assert_true(failed(started));
    assert_contains(started.err, "died (signal 9: Killed)");
    assert_true(left.answers);
    assert_int_equal(left.state, State::unprotected);
    assert_contains(left.warning, "signal 9: Killed");
    assert_contains(left.warning, "the guest was resumed");
    assert_false(left.twice);
    assert_true(left.guest_runs);
}

// Nothing but the secondary, which hears that the connection ended, says who
// has it from here on: never two.
void guest_is_held_when_its_process_dies_and_the_copy_takes_over(void**)
{
    for (const char* step : {"device_state:3:kill", "resume:3:kill"}) {
        Left left;
        bool taken_over = false, copy_runs = false, runs = true;
        CommandBed::Ran stopped;
        {
            Scratch s;
            s.bed.set_faults(On::alpha, step);
            (void)s.bed.run(On::alpha, s.bed.start());
            left = look(s.bed, On::alpha, 0);
            taken_over = s.bed.wait_for_state(On::beta, State::taken_over);
            copy_runs = s.bed.copy_runs();
            runs = s.bed.guest_runs();
            // It is an admin's to say otherwise.
            stopped = s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        }
        assert_true(left.answers);
        assert_int_equal(left.state, State::held);
        assert_contains(left.warning, "xl-colo-stop web1 has it go on here");
        assert_true(taken_over);
        assert_true(copy_runs);
        assert_false(runs);
        assert_contains(stopped.err, "an admin had the guest go on here");
    }
}

void guest_that_ran_is_held_too(void**)
{
    Left left;
    bool taken_over = false;
    {
        Scratch s;
        protect(s.bed, {"-i", "60s"});
        const pid_t process = s.bed.process(On::alpha);
        send_signal(process, SIGKILL);
        left = look(s.bed, On::alpha, process);
        taken_over = s.bed.wait_for_state(On::beta, State::taken_over);
    }
    assert_true(left.answers);
    assert_int_equal(left.state, State::held);
    assert_false(left.guest_runs);
    assert_true(taken_over);
}

// The copy runs only when this host is off.
void guest_goes_on_where_there_is_a_fence(void**)
{
    for (const char* step : {"device_state:3:kill", "resume:3:kill"}) {
        Left left;
        State other{};
        {
            Scratch s;
            s.bed.set_faults(On::alpha, step);
            (void)s.bed.run(On::alpha, s.bed.start({"--fence", "false"}));
            left = look(s.bed, On::alpha, 0);
            (void)s.bed.wait_for_state(On::beta, State::fencing);
            other = s.bed.status(On::beta)->state;
        }
        assert_true(left.answers);
        assert_int_equal(left.state, State::unprotected);
        assert_contains(left.warning, "the guest was resumed");
        assert_true(left.guest_runs);
        assert_int_equal(other, State::fencing);
    }
}

void guest_that_was_given_up_is_not_taken_back(void**)
{
    Left left;
    {
        Scratch s;
        // TAKEN_OVER never comes.
        s.bed.set_faults(On::beta, "rename:1:hold");
        protect(s.bed, {"-t", "60s"});
        s.bed.begin(On::beta, {"xl-colo-failover", "web1"});
        (void)s.bed.wait_for_state(On::alpha, State::held);
        const pid_t process = s.bed.process(On::alpha);
        send_signal(process, SIGKILL);
        left = look(s.bed, On::alpha, process);
    }
    assert_true(left.answers);
    assert_int_equal(left.state, State::held);
    assert_false(left.guest_runs);
}

void caretaker_that_dies_is_replaced(void**)
{
    Left left;
    {
        Scratch s;
        protect(s.bed);
        (void)s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        const pid_t process = s.bed.process(On::alpha);
        send_signal(process, SIGKILL);
        left = look(s.bed, On::alpha, process);
    }
    assert_true(left.answers);
    assert_int_equal(left.state, State::unprotected);
    assert_false(left.twice);
    assert_true(left.guest_runs);
}

// ---- the secondary ---------------------------------------------------------

void copy_does_not_run_on_by_itself(void**)
{
    Left left;
    State primary{};
    CommandBed::Ran again, stopped, anew;
    GuestState copy{};
    {
        Scratch s;
        protect(s.bed, {"-i", "60s"});
        const pid_t process = s.bed.process(On::beta);
        send_signal(process, SIGKILL);
        left = look(s.bed, On::beta, process);
        (void)s.bed.wait_for_state(On::alpha, State::unprotected);
        primary = s.bed.status(On::alpha)->state;
        again = s.bed.run(On::alpha, s.bed.start());
        stopped = s.bed.run(On::beta, {"xl-colo-stop", "web1"});
        copy = s.bed.copy()->state;
        anew = s.bed.run(On::alpha, s.bed.start());
    }
    assert_true(left.answers);
    assert_int_equal(left.state, State::fencing);
    assert_contains(left.warning, "the copy is held here");
    assert_false(left.copy_runs);
    assert_int_equal(left.copy, GuestState::running);
    assert_int_equal(primary, State::unprotected);
    assert_true(failed(again));
    assert_contains(again.err, "beta: a copy of it is held here");
    assert_contains(stopped.err, "it was destroyed");
    assert_int_equal(copy, GuestState::gone);
    assert_true(succeeded(anew));
}

void copy_that_is_held_can_take_over(void**)
{
    CommandBed::Ran done;
    bool runs = false;
    std::string name;
    {
        Scratch s;
        protect(s.bed, {"-i", "60s"});
        const pid_t process = s.bed.process(On::beta);
        send_signal(process, SIGKILL);
        (void)look(s.bed, On::beta, process);
        done = s.bed.run(On::beta, {"xl-colo-failover", "web1"});
        runs = s.bed.copy_runs();
        name = s.bed.copy()->name;
    }
    assert_true(succeeded(done));
    assert_contains(done.out, "the guest runs here");
    assert_true(runs);
    assert_text(name, "web1");
}

void copy_that_is_half_a_checkpoint_is_destroyed(void**)
{
    bool gone = false, runs = false;
    {
        Scratch s;
        s.bed.set_faults(On::beta, "load_device_state:2:kill");
        (void)s.bed.run(On::alpha, s.bed.start());
        gone = s.bed.wait_for([&] {
            return s.bed.copy() && s.bed.copy()->state == GuestState::gone;
        });
        runs = s.bed.wait_for([&] { return s.bed.guest_runs(); });
    }
    assert_true(gone);
    assert_true(runs);
}

void guest_that_was_taken_over_is_looked_after(void**)
{
    Left left;
    {
        Scratch s;
        protect(s.bed);
        (void)s.bed.run(On::beta, {"xl-colo-failover", "web1"});
        const pid_t process = s.bed.process(On::beta);
        send_signal(process, SIGKILL);
        left = look(s.bed, On::beta, process);
    }
    assert_true(left.answers);
    assert_int_equal(left.state, State::taken_over);
    assert_true(left.copy_runs);
}

// ---- memory ----------------------------------------------------------------

std::string oom_score(pid_t pid)
{
    std::ifstream file("/proc/" + std::to_string(pid) + "/oom_score_adj");
    std::string score;
    std::getline(file, score);
    return score;
}

void process_is_among_the_last_to_be_killed_for_memory(void**)
{
    std::ofstream own("/proc/self/oom_score_adj");
    own << "-900" << std::flush;
    if (!own) {
        print_message("  needs a process that may lower its oom_score_adj\n");
        skip();
    }
    own << "0" << std::flush;
    std::string process, transport;
    {
        Scratch s;
        protect(s.bed);
        process = oom_score(s.bed.process(On::alpha));
        for (const pid_t pid : s.bed.processes("relay")) {
            transport = oom_score(pid);
        }
    }
    assert_text(process, "-900");
    assert_text(transport, "0");
}

}  // namespace

int main(int argc, char** argv)
{
    if (const auto status = run_as_command(argc, argv)) {
        return *status;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(
            guest_runs_again_when_its_process_dies_in_the_initial_copy),
        cmocka_unit_test(
            guest_is_held_when_its_process_dies_and_the_copy_takes_over),
        cmocka_unit_test(guest_that_ran_is_held_too),
        cmocka_unit_test(guest_goes_on_where_there_is_a_fence),
        cmocka_unit_test(guest_that_was_given_up_is_not_taken_back),
        cmocka_unit_test(caretaker_that_dies_is_replaced),
        cmocka_unit_test(copy_does_not_run_on_by_itself),
        cmocka_unit_test(copy_that_is_held_can_take_over),
        cmocka_unit_test(copy_that_is_half_a_checkpoint_is_destroyed),
        cmocka_unit_test(guest_that_was_taken_over_is_looked_after),
        cmocka_unit_test(process_is_among_the_last_to_be_killed_for_memory),
    };
    const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
    return failures != 0;
}
