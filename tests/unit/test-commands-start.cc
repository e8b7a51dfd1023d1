// xl-colo-start before its session and after it: what it refuses, what comes in
// between, and who looks after the guest.
#include <sys/stat.h>

#include <fstream>

#include "commands.h"

using namespace xl_colo;

namespace {

// An ssh that does one thing before it connects, and another once the far side
// has ended.
std::string make_ssh(const CommandBed& bed, const std::string& name,
                     const std::string& before, const std::string& after)
{
    const std::string path = bed.folder() + "/" + name;
    std::ofstream(path) << "#!/bin/sh\n" << before << "\n'" << bed.folder()
                        << "/bin/ssh' \"$@\"\n" << after << "\n";
    chmod(path.c_str(), 0700);
    return path;
}

bool exists(const std::string& path)
{
    return access(path.c_str(), F_OK) == 0;
}

// Nobody runs there that protects web1, or is about to.
bool nobody_is_left(CommandBed& bed)
{
    return bed.wait_for([&] {
        return bed.processes("xl-colo-start").empty() &&
               bed.processes("xl-colo-receive").empty();
    });
}

// ---- while ssh connects ----------------------------------------------------

// An xl-colo-start whose ssh never gets through.
class Connecting {
public:
    explicit Connecting(std::vector<std::string> options = {})
    {
        const std::string mark = s.bed.folder() + "/connecting";
        options.insert(options.end(),
                       {"-s", make_ssh(s.bed, "slow",
                                       "touch '" + mark + "'; sleep 1000",
                                       "")});
        pid = s.bed.begin(On::alpha, s.bed.start(std::move(options)));
        connecting = s.bed.wait_for([&] { return exists(mark); });
    }
    // Whether all is as before, once it has ended.
    bool untouched()
    {
        return s.bed.guest_runs() && s.bed.guest().resumes == 0 &&
               nobody_is_left(s.bed) && s.bed.processes("sleep").empty();
    }

    Scratch s;
    pid_t pid = -1;
    bool connecting = false;
};

void signal_ends_it_while_ssh_connects(void**)
{
    const struct {
        int signal;
        const char* name;
        std::vector<std::string> options;
    } cases[] = {{SIGINT, "SIGINT", {}},
                 {SIGTERM, "SIGTERM", {}},
                 {SIGINT, "SIGINT", {"-F"}},
                 {SIGTERM, "SIGTERM", {"-F"}}};
    for (const auto& c : cases) {
        CommandBed::Ran ran;
        bool connecting = false, untouched = false;
        {
            Connecting start(c.options);
            connecting = start.connecting;
            send_signal(start.pid, c.signal);
            ran = start.s.bed.end(start.pid);
            untouched = start.untouched();
        }
        assert_true(connecting);
        assert_true(failed(ran));
        assert_contains(ran.err, c.name);
        assert_true(untouched);
    }
}

void stop_ends_it_while_ssh_connects(void**)
{
    CommandBed::Ran shown, stopped, started;
    bool untouched = false;
    {
        Connecting start;
        shown = start.s.bed.run(On::alpha, {"xl-colo-status"});
        stopped = start.s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        started = start.s.bed.end(start.pid);
        untouched = start.untouched();
    }
    assert_contains(shown.out, "connecting");
    assert_true(succeeded(stopped));
    assert_contains(stopped.out, "protection ended: xl-colo-stop");
    assert_true(failed(started));
    assert_contains(started.err, "xl-colo-stop");
    assert_true(untouched);
}

void second_start_at_the_same_time_is_refused(void**)
{
    CommandBed::Ran second;
    {
        Connecting start;
        second = start.s.bed.run(On::alpha, start.s.bed.start());
    }
    assert_true(failed(second));
    assert_contains(second.err, "another xl-colo-start of it is under way");
}

// ---- what is refused -------------------------------------------------------

// In the middle of a checkpoint its guest is suspended.
void start_of_a_protected_guest_says_that_it_is(void**)
{
    CommandBed::Ran second;
    bool suspended = false;
    {
        Scratch s;
        s.bed.set_faults(On::alpha, "device_state:3:hold");
        (void)s.bed.run(On::alpha, s.bed.start());
        suspended = s.bed.wait_for(
            [&] { return s.bed.guest().state == GuestState::suspended; });
        second = s.bed.run(On::alpha, s.bed.start());
    }
    assert_true(suspended);
    assert_true(failed(second));
    assert_contains(second.err, "is protected already, with beta");
}

void log_that_cannot_be_written_is_found_before_the_copy(void**)
{
    CommandBed::Ran started;
    bool untouched = false;
    {
        Scratch s;
        mkdir((s.bed.folder(On::alpha) + "/xl-colo-web1.log").c_str(), 0700);
        started = s.bed.run(On::alpha, s.bed.start());
        untouched = s.bed.guest().resumes == 0 && !s.bed.copy() &&
                    nobody_is_left(s.bed);
    }
    assert_true(failed(started));
    assert_contains(started.err, "cannot open log");
    assert_true(untouched);
}

// ---- who looks after the guest ---------------------------------------------

// Its process dies, and an admin gives the copy up.
void end_secondary(CommandBed& bed)
{
    const pid_t process = bed.process(On::beta);
    send_signal(process, SIGKILL);
    (void)bed.wait_for_state(On::alpha, State::unprotected);
    (void)bed.wait_for_state(On::beta, State::fencing);
    (void)bed.run(On::beta, {"xl-colo-stop", "web1"});
}

// A guest whose protection has ended, and whose caretaker therefore is there.
class CaredFor {
public:
    CaredFor()
    {
        protect(s.bed);
        end_secondary(s.bed);
        caretaker = s.bed.process(On::alpha);
    }

    Scratch s;
    pid_t caretaker = 0;
};

void start_that_is_refused_leaves_the_caretaker(void**)
{
    const struct {
        const char* what;
        std::vector<std::string> options;
        std::string beta_faults;
        const char* says;
    } cases[] = {
        {"this host refuses", {}, "", "is not running"},
        {"the other is not reached", {"-s", "false #"}, "", "false"},
        {"the other refuses", {}, "taken:1:fail", "taken made to fail"},
    };
    for (const auto& c : cases) {
        CommandBed::Ran again;
        pid_t before = 0, after = 0;
        {
            CaredFor cared;
            CommandBed& bed = cared.s.bed;
            before = cared.caretaker;
            bed.set_faults(On::beta, c.beta_faults);
            if (std::string(c.says) == "is not running") {
                bed.guest().state = GuestState::suspended;
            }
            again = bed.run(On::alpha, bed.start(c.options));
            after = bed.process(On::alpha);
        }
        if (before == 0 || before != after || !failed(again)) {
            fail_msg("%s: %d, then %d; %s", c.what, before, after,
                     again.err.c_str());
        }
        assert_contains(again.err, c.says);
    }
}

// Once the other host has accepted, the old one has left.
void start_that_fails_late_takes_care_itself(void**)
{
    CommandBed::Ran again;
    pid_t before = 0, after = 0;
    State state{};
    bool runs = false;
    {
        CaredFor cared;
        CommandBed& bed = cared.s.bed;
        before = cared.caretaker;
        bed.set_faults(On::beta, "receive:1:fail");
        again = bed.run(On::alpha, bed.start());
        after = bed.process(On::alpha);
        state = bed.status(On::alpha)->state;
        runs = bed.guest_runs();
    }
    assert_true(failed(again));
    assert_contains(again.err, "receive made to fail");
    assert_true(before != 0);
    assert_true(after != 0);
    assert_true(before != after);
    assert_int_equal(state, State::unprotected);
    assert_true(runs);
}

// ---- between the session and its caretaker ---------------------------------

// What joins the hosts does not go when it should.
std::string lingering_ssh(const CommandBed& bed)
{
    return make_ssh(bed, "lingering", "trap '' TERM", "sleep 1000");
}

void stop_between_session_and_caretaker_is_heard(void**)
{
    CommandBed::Ran first, second;
    bool left = false;
    {
        Scratch s;
        protect(s.bed, {"-s", lingering_ssh(s.bed)});
        first = s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        second = s.bed.run(On::alpha, {"xl-colo-stop", "web1"});
        left = nobody_is_left(s.bed);
    }
    assert_true(succeeded(first));
    assert_true(succeeded(second));
    assert_contains(second.out, "nobody looks after");
    assert_true(left);
}

void guest_is_protected_anew_while_the_old_ssh_lingers(void**)
{
    CommandBed::Ran again;
    {
        Scratch s;
        protect(s.bed, {"-s", lingering_ssh(s.bed)});
        end_secondary(s.bed);
        again = s.bed.run(On::alpha, s.bed.start());
    }
    assert_true(succeeded(again));
    assert_contains(again.out, "web1 is protected");
}

}  // namespace

int main(int argc, char** argv)
{
    if (const auto status = run_as_command(argc, argv)) {
        return *status;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(signal_ends_it_while_ssh_connects),
        cmocka_unit_test(stop_ends_it_while_ssh_connects),
        cmocka_unit_test(second_start_at_the_same_time_is_refused),
        cmocka_unit_test(start_of_a_protected_guest_says_that_it_is),
        cmocka_unit_test(log_that_cannot_be_written_is_found_before_the_copy),
        cmocka_unit_test(start_that_is_refused_leaves_the_caretaker),
        cmocka_unit_test(start_that_fails_late_takes_care_itself),
        cmocka_unit_test(stop_between_session_and_caretaker_is_heard),
        cmocka_unit_test(guest_is_protected_anew_while_the_old_ssh_lingers),
    };
    const int failures = cmocka_run_group_tests(tests, nullptr, nullptr);
    return failures != 0;
}
