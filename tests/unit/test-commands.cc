// The commands as an admin runs them: real processes, a real transport, real
// control sockets, over two fake hosts. See fakes/command_bed.h.
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"

using namespace xl_colo;

namespace {

// ---- an ordinary day -------------------------------------------------------

void start_goes_to_the_background_and_stop_ends_it(void**)
{
    CommandBed::Ran started, shown, stopped;
    bool protecting = false, ran_on_both = false, receiver_left = false;
    State after{};
    {
        Scratch s;
        started = s.bed.run(On::alpha, s.bed.start());
        protecting = s.bed.wait_for_state(On::beta, State::protecting);
        shown = s.bed.run(On::alpha, {"xl-colo-status", "web1"});
        stopped = s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        ran_on_both = s.bed.guest_runs() && s.bed.copy() &&
                      s.bed.copy_runs();
        receiver_left = s.bed.wait_for(
            [&] { return s.bed.processes("xl-colo-receive").empty(); });
        after = s.bed.status(On::alpha)->state;
    }
    assert_true(succeeded(started));
    assert_text(started.out, "domain web1 is protected: copy on beta, a "
                             "checkpoint every 20 ms\n");
    assert_true(protecting);
    assert_true(succeeded(shown));
    assert_contains(shown.out, "protecting");
    assert_true(succeeded(stopped));
    assert_text(stopped.out,
                "domain web1: protection ended: xl-colo-stop\n");
    assert_false(ran_on_both);
    assert_true(receiver_left);
    assert_int_equal(after, State::unprotected);
}

void failover_moves_the_guest(void**)
{
    CommandBed::Ran done;
    bool here = true, there = false;
    std::string name;
    {
        Scratch s;
        (void)s.bed.run(On::alpha, s.bed.start());
        (void)s.bed.wait_for_state(On::beta, State::protecting);
        done = s.bed.run(On::beta, {"xl-colo-failover", "web1"});
        here = !s.bed.wait_for(
            [&] { return s.bed.guest().state == GuestState::gone; });
        there = s.bed.copy_runs();
        name = s.bed.copy()->name;
    }
    assert_true(succeeded(done));
    assert_contains(done.out, "the guest runs here");
    assert_false(here);
    assert_true(there);
    assert_text(name, "web1");
}

void stop_in_a_broken_network_is_no_success(void**)
{
    CommandBed::Ran stopped;
    bool runs = false;
    {
        Scratch s;
        protect(s.bed);
        for (const pid_t pid : s.bed.processes("relay")) {
            send_signal(pid, SIGSTOP);
        }
        stopped = s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        runs = s.bed.guest_runs();
    }
    assert_true(failed(stopped));
    assert_contains(stopped.err,
                    "xl-colo-stop; the other host did not confirm");
    assert_contains(stopped.err, "may take over");
    assert_true(runs);
}

// A lock on such a descriptor would be held as long as the guest is protected.
void process_keeps_no_descriptor_and_no_folder_of_its_caller(void**)
{
    bool left_alone = false;
    std::string folder;
    {
        Scratch s;
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        (void)s.bed.run(On::alpha, s.bed.start());
        close(ends[1]);
        pollfd end{ends[0], POLLIN, 0};
        left_alone = poll(&end, 1, 10'000) == 1;
        close(ends[0]);
        folder = std::filesystem::read_symlink(
            "/proc/" + std::to_string(s.bed.process(On::alpha)) + "/cwd");
    }
    assert_true(left_alone);
    assert_text(folder, "/");
}

void too_few_descriptors_are_no_bug(void**)
{
    for (int most = 10; most < 40; most += 1) {
        CommandBed::Ran ran;
        {
            Scratch s;
            const std::string script = s.bed.folder() + "/bin/limited";
            std::ofstream(script)
                << "#!/bin/sh\nulimit -n " << most << "\nexec '"
                << s.bed.folder() << "/bin/xl-colo-start' \"$@\"\n";
            chmod(script.c_str(), 0700);
            auto words = s.bed.start({"-F", "-n", "2"});
            words[0] = "limited";
            ran = s.bed.run(On::alpha, words);
        }
        if (!succeeded(ran) && !failed(ran)) {
            fail_msg("%d descriptors: status %x; %s", most,
                     static_cast<unsigned>(ran.status), ran.err.c_str());
        }
        if (ran.err.find("bug") != std::string::npos ||
            (failed(ran) && ran.err.find("error: ") == std::string::npos)) {
            fail_msg("%d descriptors: %s", most, ran.err.c_str());
        }
    }
}

void host_that_is_not_reached_is_explained_and_changes_nothing(void**)
{
    CommandBed::Ran ran;
    bool runs = false;
    {
        Scratch s;
        ran = s.bed.run(On::alpha, {"xl-colo-start", "-s", "", "web1",
                                    "exec false"});
        runs = s.bed.guest_runs() && s.bed.guest().resumes == 0;
    }
    assert_true(failed(ran));
    assert_contains(ran.err, "domain web1: ");
    assert_contains(ran.err, "exec false");
    assert_true(runs);
}

}  // namespace

int main(int argc, char** argv)
{
    if (const auto status = run_as_command(argc, argv)) {
        return *status;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(start_goes_to_the_background_and_stop_ends_it),
        cmocka_unit_test(failover_moves_the_guest),
        cmocka_unit_test(stop_in_a_broken_network_is_no_success),
        cmocka_unit_test(
            process_keeps_no_descriptor_and_no_folder_of_its_caller),
        cmocka_unit_test(too_few_descriptors_are_no_bug),
        cmocka_unit_test(
            host_that_is_not_reached_is_explained_and_changes_nothing),
    };
    const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
    return failures != 0;
}
