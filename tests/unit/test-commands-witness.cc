// The real commands with --witness: whatever breaks, the guest goes on in one
// place.
#include <unistd.h>

#include "commands.h"

using namespace xl_colo;

namespace {

// A directory that both hosts see: the one whose link is there has the guest.
std::string witness_in(const CommandBed& bed)
{
    const std::string claim = bed.folder() + "/$XL_COLO_SESSION";
    return "ln -s $XL_COLO_ROLE \"" + claim + "\" 2>/dev/null || "
           "test $(readlink \"" + claim + "\") = $XL_COLO_ROLE";
}

struct Left {
    State primary{}, secondary{};
    bool warned = false;  // either, that it may run twice
    bool guest_runs = false, copy_runs = false;
};

Left look(CommandBed& bed)
{
    Left left;
    // Until neither asks for it any more.
    const auto is = [&](On host, State state) {
        const auto status = bed.status(host);
        return !status || status->state == state;
    };
    (void)bed.wait_for([&] {
        return is(On::alpha, State::unprotected) &&
               is(On::beta, State::taken_over) &&
               bed.guest_runs() != bed.copy_runs();
    });
    left.guest_runs = bed.guest_runs();
    left.copy_runs = bed.copy_runs();
    for (const On host : {On::alpha, On::beta}) {
        if (const auto status = bed.status(host)) {
            (host == On::alpha ? left.primary : left.secondary) =
                status->state;
            left.warned |= status->warning(WarningKind::guest_twice) != nullptr;
        }
    }
    return left;
}

void broken_network_leaves_the_guest_where_it_is(void**)
{
    for (const int signal : {SIGSTOP, SIGKILL}) {
        Left left;
        bool copy_gone = false;
        {
            Scratch s;
            protect(s.bed, {"--witness", witness_in(s.bed)});
            for (const pid_t pid : s.bed.processes("relay")) {
                send_signal(pid, signal);
            }
            (void)s.bed.wait_for_state(On::alpha, State::unprotected);
            copy_gone = s.bed.wait_for([&] {
                return s.bed.copy()->state == GuestState::gone;
            });
            left = look(s.bed);
        }
        assert_true(copy_gone);
        assert_true(left.guest_runs);
        assert_int_equal(left.primary, State::unprotected);
        assert_false(left.warned);
    }
}

// In a checkpoint, and when the guest has just been resumed.
void process_that_dies_leaves_the_guest_to_one_host(void**)
{
    for (const char* step : {"device_state:3:kill", "resume:3:kill"}) {
        Left left;
        {
            Scratch s;
            s.bed.set_faults(On::alpha, step);
            (void)s.bed.run(On::alpha,
                            s.bed.start({"--witness", witness_in(s.bed), "-t",
                                         "20s"}));
            left = look(s.bed);
        }
        // Its watcher asks at once, the other host one timeout later.
        assert_true(left.guest_runs);
        assert_false(left.copy_runs);
        assert_int_equal(left.primary, State::unprotected);
        assert_false(left.warned);
    }
}

// While it asks the witness, and has the guest paused.
void guest_that_its_process_had_paused_goes_on(void**)
{
    bool asked = false;
    Left left;
    {
        Scratch s;
        const std::string first = s.bed.folder() + "/asked";
        protect(s.bed, {"--witness",
                        "mkdir '" + first + "' 2>/dev/null && sleep 600; " +
                            witness_in(s.bed),
                        "-i", "60s"});
        const pid_t process = s.bed.process(On::alpha);
        for (const pid_t pid : s.bed.processes("relay")) {
            send_signal(pid, SIGKILL);
        }
        asked = s.bed.wait_for(
            [&] { return access(first.c_str(), F_OK) == 0; });
        send_signal(process, SIGKILL);
        left = look(s.bed);
    }
    assert_true(asked);
    assert_true(left.guest_runs);
    assert_false(left.copy_runs);
    assert_int_equal(left.primary, State::unprotected);
}

// Nobody is left on the primary's host; what its guest does there is frozen
// with it.
void host_that_dies_loses_the_guest(void**)
{
    Left left;
    bool taken_over = false;
    {
        Scratch s;
        protect(s.bed, {"--witness", witness_in(s.bed), "-i", "60s"});
        const pid_t process = s.bed.process(On::alpha);
        for (const pid_t pid : s.bed.processes("xl-colo-watch")) {
            send_signal(pid, SIGSTOP);
        }
        send_signal(process, SIGKILL);
        s.bed.guest().state = GuestState::gone;
        taken_over = s.bed.wait_for_state(On::beta, State::taken_over);
        left = look(s.bed);
    }
    assert_true(taken_over);
    assert_true(left.copy_runs);
    assert_false(left.warned);
}

std::string mark_in(const CommandBed& bed)
{
    return bed.folder(On::alpha) + "/state/web1.protected";
}

bool is_marked(const CommandBed& bed)
{
    return access(mark_in(bed).c_str(), F_OK) == 0;
}

void mark_is_there_as_long_as_the_copy_may_take_over(void**)
{
    bool before = true, meanwhile = false, after = true;
    {
        Scratch s;
        before = is_marked(s.bed);
        protect(s.bed);
        meanwhile = is_marked(s.bed);
        (void)s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        // The command has its answer a moment before.
        after = !s.bed.wait_for([&] { return !is_marked(s.bed); });
    }
    assert_false(before);
    assert_true(meanwhile);
    assert_false(after);
}

// The guest was created there again, by a boot script say.
void host_that_comes_back_says_that_its_guest_may_be_elsewhere(void**)
{
    CommandBed::Ran named, all, again;
    bool marked = false;
    {
        Scratch s;
        CommandBed& bed = s.bed;
        protect(bed, {"--witness", witness_in(bed), "-i", "60s"});
        const pid_t process = bed.process(On::alpha);
        for (const pid_t pid : bed.processes("xl-colo-watch")) {
            send_signal(pid, SIGSTOP);
        }
        send_signal(process, SIGKILL);
        (void)bed.wait_for_state(On::beta, State::taken_over);
        marked = is_marked(bed);
        // /run is empty after a boot.
        unlink((bed.folder(On::alpha) + "/run/web1.sock").c_str());
        named = bed.run(On::alpha, {"xl-colo-status", "web1"});
        all = bed.run(On::alpha, {"xl-colo-status"});
        again = bed.run(On::alpha, bed.start());
    }
    assert_true(marked);
    const char* const says = "this host went down while it protected the guest "
                             "with beta";
    for (const auto* ran : {&named, &all, &again}) {
        assert_contains(ran->err, says);
    }
    assert_true(failed(named));
    assert_true(failed(again));
    assert_contains(again.err, "rm '");
}

void witness_that_does_not_answer_holds_the_guest(void**)
{
    State primary{}, secondary{};
    bool runs = true, copy_runs = true;
    CommandBed::Ran stopped;
    {
        Scratch s;
        protect(s.bed, {"--witness", "exit 255"});
        for (const pid_t pid : s.bed.processes("relay")) {
            send_signal(pid, SIGKILL);
        }
        (void)s.bed.wait_for_state(On::alpha, State::held);
        (void)s.bed.wait_for_state(On::beta, State::fencing);
        primary = s.bed.status(On::alpha)->state;
        secondary = s.bed.status(On::beta)->state;
        runs = s.bed.guest_runs();
        copy_runs = s.bed.copy_runs();
        stopped = s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
    }
    assert_int_equal(primary, State::held);
    assert_int_equal(secondary, State::fencing);
    assert_false(runs);
    assert_false(copy_runs);
    // Not in order, and it says where the guest is.
    assert_true(failed(stopped));
}

}  // namespace

int main(int argc, char** argv)
{
    if (const auto status = run_as_command(argc, argv)) {
        return *status;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(broken_network_leaves_the_guest_where_it_is),
        cmocka_unit_test(process_that_dies_leaves_the_guest_to_one_host),
        cmocka_unit_test(guest_that_its_process_had_paused_goes_on),
        cmocka_unit_test(host_that_dies_loses_the_guest),
        cmocka_unit_test(mark_is_there_as_long_as_the_copy_may_take_over),
        cmocka_unit_test(
            host_that_comes_back_says_that_its_guest_may_be_elsewhere),
        cmocka_unit_test(witness_that_does_not_answer_holds_the_guest),
    };
    const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
    return failures != 0;
}
