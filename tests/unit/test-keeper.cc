// xl-colo-keep, which has a guest protected whenever it is not, and the rule by
// which it goes: commands/keeper.h.
#include "commands/keeper.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>

#include "commands.h"
#include "process/protection_mark.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

// The service manager's end: what it has been told so far.
class Told {
public:
    explicit Told(const std::string& path)
        : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size());
        bind(fd_.get(), reinterpret_cast<sockaddr*>(&address),
             sizeof address);
        setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    ~Told() { unsetenv("NOTIFY_SOCKET"); }
    bool has(const std::string& part)
    {
        char bytes[4096];
        for (ssize_t n; (n = recv(fd_.get(), bytes, sizeof bytes, 0)) > 0;) {
            all_.append(bytes, static_cast<size_t>(n));
        }
        return all_.find(part) != std::string::npos;
    }

private:
    UniqueFd fd_;
    std::string all_;
};

// A keeper on alpha of the guest that is there.
struct Kept {
    Scratch s;
    Told told{s.folder.path() + "/notify"};
    pid_t keeper = 0;

    std::string config() const { return s.folder.path() + "/web1.conf"; }
    void begin(const std::string& more = "",
               std::vector<std::string> pauses = {"--pause=20ms",
                                                  "--longest-pause=100ms"})
    {
        std::ofstream(config())
            << "host = beta\ninterval = 20\ntimeout = 5s\n"
            << "ssh-command = " << s.folder.path() << "/bin/ssh\n" << more;
        pauses.insert(pauses.begin(), "xl-colo-keep");
        pauses.push_back(config());
        keeper = s.bed.begin(On::alpha, pauses);
    }
    CommandBed::Ran status(std::vector<std::string> words = {})
    {
        words.insert(words.begin(), "xl-colo-status");
        return s.bed.run(On::alpha, words);
    }
    bool wait_until_told(const std::string& part)
    {
        return CommandBed::wait_for([&] { return told.has(part); });
    }
    bool is_protected()
    {
        return s.bed.wait_for_state(On::alpha, State::protecting);
    }
    CommandBed::Ran end()
    {
        send_signal(keeper, SIGTERM);
        return s.bed.end(keeper);
    }
};

}  // namespace

static void guest_is_protected_until_the_service_is_stopped(void**)
{
    bool protects = false, ready = false, runs = false, copy = true;
    CommandBed::Ran ran;
    {
        Kept kept;
        kept.begin();
        protects = kept.is_protected();
        ready = kept.wait_until_told("READY=1\n") &&
                kept.wait_until_told(
                    "STATUS=protecting as primary with beta\n");
        ran = kept.end();
        runs = kept.s.bed.guest_runs();
        copy = kept.s.bed.copy() &&
               kept.s.bed.copy()->state != GuestState::gone;
    }
    assert_true(protects);
    assert_true(ready);
    assert_true(succeeded(ran));
    assert_contains(ran.out, "domain web1: protection ended");
    assert_true(runs);
    assert_false(copy);
}

static void guest_that_lost_its_copy_gets_another(void**)
{
    bool first = false, second = false;
    {
        Kept kept;
        kept.begin("witness = test $XL_COLO_ROLE = primary\n");
        first = kept.is_protected();
        const pid_t before = kept.s.bed.process(On::alpha);
        for (const pid_t pid : kept.s.bed.processes("relay")) {
            send_signal(pid, SIGKILL);
        }
        second = CommandBed::wait_for([&] {
            return kept.s.bed.process(On::alpha) != before;
        });
        // The secondary gives its copy up only once the witness has said no.
        second = second && (kept.is_protected() || kept.is_protected());
    }
    assert_true(first);
    assert_true(second);
}

static void start_that_fails_is_tried_again(void**)
{
    bool said = false, protects = false;
    {
        Kept kept;
        const std::string ssh = kept.s.folder.path() + "/bin/ssh";
        rename(ssh.c_str(), (ssh + ".away").c_str());
        kept.begin();
        said = kept.wait_until_told("STATUS=cannot be protected with beta: "
                                    "domain web1: the command ");
        said = said && kept.wait_until_told("again in 100 ms");
        rename((ssh + ".away").c_str(), ssh.c_str());
        protects = kept.is_protected();
    }
    assert_true(said);
    assert_true(protects);
}

// No process protects the guest then, and none that did is left.
static void status_says_what_is_tried_and_what_was_wrong(void**)
{
    CommandBed::Ran table, detail, figures, later;
    bool said = false, rests = false;
    {
        Kept kept;
        const std::string ssh = kept.s.folder.path() + "/bin/ssh";
        rename(ssh.c_str(), (ssh + ".away").c_str());
        kept.begin("", {"--pause=3600s", "--longest-pause=3600s"});
        said = kept.wait_until_told("again in 3600000 ms");
        table = kept.status();
        detail = kept.status({"web1"});
        figures = kept.status({"--openmetrics"});
        rename((ssh + ".away").c_str(), ssh.c_str());
        // An admin does not wait for the keeper.
        (void)kept.s.bed.run(On::alpha, {"xl-colo-start", "--config=" +
                                                              kept.config()});
        rests = CommandBed::wait_for([&] {
            later = kept.status({"--json", "web1"});
            return later.out.find("\"state\": \"resting\"") !=
                   std::string::npos;
        });
    }
    assert_true(said);
    assert_true(failed(table));
    assert_contains(table.out, "web1           -         waiting     beta ");
    assert_contains(table.out, "\n  keeper: tries again in 59m to have it "
                               "protected with beta, since ");
    assert_true(failed(detail));
    assert_contains(detail.out, "web1: no process protects it on this host\n"
                                "  kept by: xl-colo-keep ");
    assert_contains(detail.out, "1 start has failed");
    assert_contains(detail.out, "\n  failed: ");
    assert_contains(detail.out, "a program was not found");
    assert_true(succeeded(figures));
    assert_contains(figures.out, "xl_colo_protected{domain=\"web1\"} 0\n");
    assert_contains(figures.out,
                    "xl_colo_keeper_failed_starts{domain=\"web1\"} 1\n");
    assert_true(rests);
    assert_true(succeeded(later));
    assert_contains(later.out, "\"failed-starts\": 0,");
    assert_contains(later.out, "\"trying-since-unix-us\": null,");
}

static void second_keeper_of_a_guest_leaves(void**)
{
    CommandBed::Ran ran, killed, gone;
    bool ready = false, begins_again = false;
    {
        Kept kept;
        kept.begin("domain = web2\n");
        ready = kept.wait_until_told("STATUS=not on this host");
        const pid_t first = kept.keeper;
        kept.begin("domain = web2\n");
        ran = kept.s.bed.end(kept.keeper);
        send_signal(first, SIGKILL);
        (void)kept.s.bed.end(first);
        killed = kept.status({"web2"});
        // What it left behind is in nobody's way.
        kept.begin("domain = web2\n");
        begins_again = CommandBed::wait_for([&] {
            return kept.status({"web2"}).out.find("waits for the guest") !=
                   std::string::npos;
        });
        (void)kept.end();
        gone = kept.status({"web2"});
    }
    assert_true(ready);
    assert_true(failed(ran));
    assert_contains(ran.err, "domain web2: another xl-colo-keep looks after it "
                             "already: see xl-colo-status\n");
    assert_true(failed(killed));
    assert_contains(killed.out, "xl-colo-keep is gone");
    assert_true(begins_again);
    assert_true(failed(gone));
    assert_contains(gone.err, "no process protects it on this host");
}

// It may run on the other host by now.
static void guest_that_was_protected_when_the_host_went_down_is_left(void**)
{
    bool told = false, ended = false;
    std::vector<pid_t> started;
    {
        Kept kept;
        const std::string state = kept.s.bed.folder(On::alpha) + "/state";
        setenv("XL_COLO_STATE_DIR", state.c_str(), 1);
        (void)bool(set_mark("web1", "beta", "0123"));
        kept.begin();
        told = kept.wait_until_told("STATUS=this host went down while");
        started = CommandBed::processes("xl-colo-start");
        ended = succeeded(kept.end());
        unsetenv("XL_COLO_STATE_DIR");
    }
    assert_true(told);
    assert_int_equal(started.size(), 0);
    assert_true(ended);
}

static void guest_that_is_elsewhere_is_waited_for(void**)
{
    bool told = false, ended = false;
    {
        Kept kept;
        kept.begin("domain = web2\n");
        told = kept.wait_until_told("STATUS=not on this host");
        ended = succeeded(kept.end());
    }
    assert_true(told);
    assert_true(ended);
}

// As the unit's first message, and not every 30 seconds something else.
static void wrong_file_ends_it_at_once(void**)
{
    CommandBed::Ran ran;
    std::string path;
    {
        Kept kept;
        path = kept.s.folder.path() + "/web1.conf";
        kept.begin("frob = 1\n");
        ran = kept.s.bed.end(kept.keeper);
    }
    assert_true(failed(ran));
    assert_text(ran.err, "xl-colo-keep: " + path +
                             ":5: frob: there is no such option\n");
}

static void pauses_grow_up_to_the_longest(void**)
{
    Pauses pauses(5s, 30s);
    for (const auto expected : {5s, 10s, 20s, 30s, 30s}) {
        assert_true(pauses.next() == expected);
    }
    pauses.begin_anew();
    assert_true(pauses.next() == 5s);
}

int main(int argc, char** argv)
{
    if (const auto status = run_as_command(argc, argv)) {
        return *status;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(guest_is_protected_until_the_service_is_stopped),
        cmocka_unit_test(guest_that_lost_its_copy_gets_another),
        cmocka_unit_test(start_that_fails_is_tried_again),
        cmocka_unit_test(status_says_what_is_tried_and_what_was_wrong),
        cmocka_unit_test(second_keeper_of_a_guest_leaves),
        cmocka_unit_test(
            guest_that_was_protected_when_the_host_went_down_is_left),
        cmocka_unit_test(guest_that_is_elsewhere_is_waited_for),
        cmocka_unit_test(wrong_file_ends_it_at_once),
        cmocka_unit_test(pauses_grow_up_to_the_longest),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
