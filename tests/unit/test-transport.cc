#include "commands/ssh_command.h"
#include "wire/transport.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

std::string read_to_end(const UniqueFd& fd)
{
    std::string text;
    char bytes[256];
    for (ssize_t r; (r = read(fd.get(), bytes, sizeof bytes)) > 0;) {
        text.append(bytes, static_cast<size_t>(r));
    }
    return text;
}

std::string failure_of(const std::string& command)
{
    auto transport = Transport::open(command);
    return (*transport)->failure(5s).value_or("none");
}

// A zombie that nobody has waited for is as good as gone.
bool is_alive(long pid)
{
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    return (stat >> number >> name >> state) && state != "Z" && state != "X";
}

}  // namespace

static void the_remote_command_is_that_of_xl_migrate(void**)
{
    const struct {
        const char* ssh;
        const char* host;
        int verbose;
        const char* command;
    } cases[] = {
        {"ssh", "host2", 0, "exec ssh 'host2' xl-colo-receive"},
        {"ssh -p 22", "root@host2", 2,
         "exec ssh -p 22 'root@host2' xl-colo-receive -vv"},
        {"ssh", "a b'c;d", 0, "exec ssh 'a b'\\''c;d' xl-colo-receive"},
        {"", "socat - TCP:host2:7000", 1, "socat - TCP:host2:7000"},
    };
    for (const auto& c : cases) {
        StartOptions options;
        options.ssh_command = c.ssh;
        options.host = c.host;
        options.verbose = c.verbose;
        assert_text(transport_command(options), c.command);
    }
}

static void bytes_go_both_ways(void**)
{
    std::string text;
    {
        auto transport = Transport::open("tr a-z A-Z");
        auto to = (*transport)->take_output();
        const auto from = (*transport)->take_input();
        assert_int_equal(write(to.get(), "abc", 3), 3);
        to.reset();
        text = read_to_end(from);
        assert_false((*transport)->failure(5s).has_value());
    }
    assert_text(text, "ABC");
}

static void the_end_of_the_command_says_what_to_do(void**)
{
    assert_text(failure_of("exit 0"), "none");
    assert_text(failure_of("exit 3"),
                "the command \"exit 3\" ended with 3: see the messages above");
    assert_contains(failure_of("exit 255"), "ssh did not get through");
    assert_contains(failure_of("kill -KILL $$"),
                    "was killed by signal 9: Killed");
    assert_contains(failure_of("no-such-program-here 2>&-"),
                    "ended with 127: a program was not found");
}

static void a_running_command_has_not_failed(void**)
{
    auto transport = Transport::open("exec sleep 100");
    assert_false((*transport)->failure(0ms).has_value());
}

// What the far side writes to stderr comes out whole where our stderr points
// at that time, the last line without an end too.
static void messages_are_passed_on_by_lines(void**)
{
    const ScratchFolder folder;
    const std::string path = folder.path() + "/stderr";
    const UniqueFd kept(dup(STDERR_FILENO));
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT, 0600));
    dup2(file.get(), STDERR_FILENO);
    {
        auto transport =
            Transport::open("printf 'one\\ntw' >&2; printf 'o\\nlast' >&2");
        (*transport)->failure(5s);
    }
    dup2(kept.get(), STDERR_FILENO);
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    assert_text(text.str(), "one\ntwo\nlast\n");
}

// ^C on a terminal goes to its foreground group: the command is in none of our
// groups, and in no session with a terminal.
static void the_command_has_a_session_of_its_own(void**)
{
    std::string session;
    {
        auto transport = Transport::open(
            "cut -d' ' -f6 /proc/$$/stat; echo $$");
        session = read_to_end((*transport)->take_input());
    }
    long sid = 0, pid = -1;
    std::istringstream(session) >> sid >> pid;
    assert_int_equal(sid, pid);
}

// The command ignores SIGTERM, has a child, and never ends by itself: all of it
// is gone in bounded time.
static void a_command_that_does_not_end_is_killed(void**)
{
    const auto begin = std::chrono::steady_clock::now();
    long pid = 0;
    {
        auto transport = Transport::open(
            "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 1; done");
        char line[32] = "";
        const auto from = (*transport)->take_input();
        assert_true(read(from.get(), line, sizeof line - 1) > 0);
        pid = std::strtol(line, nullptr, 10);
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    assert_true(took < 3 * Transport::grace + 1s);
    assert_true(pid > 0);
    // The group is killed at once but dies one by one.
    const auto deadline = begin + 3 * Transport::grace + 5s;
    bool alive = true;
    while (alive && std::chrono::steady_clock::now() < deadline) {
        alive = is_alive(pid);
    }
    assert_false(alive);
}

// A process that outlives the command, as ssh's ControlPersist leaves one,
// keeps stderr open and must not keep us.
static void a_process_left_behind_does_not_hold_us(void**)
{
    const auto begin = std::chrono::steady_clock::now();
    {
        auto transport = Transport::open("setsid sleep 20 & exit 0");
        assert_false((*transport)->failure(5s).has_value());
    }
    assert_true(std::chrono::steady_clock::now() - begin < 10s);
}

// Two of the transport's own, and none that the test did not inherit itself.
static void no_other_descriptor_is_inherited(void**)
{
    // Nor one that we were started with: a script may hold a lock by it.
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    const UniqueFd lock(fcntl(null.get(), F_DUPFD, 9));
    std::string listed;
    {
        auto other = Transport::open("cat");
        auto transport = Transport::open("ls /proc/self/fd | tr '\\n' ' '");
        listed = read_to_end((*transport)->take_input());
    }
    assert_text(listed, "0 1 2 3 ");  // 3 is the folder that ls reads
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_remote_command_is_that_of_xl_migrate),
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(the_end_of_the_command_says_what_to_do),
        cmocka_unit_test(a_running_command_has_not_failed),
        cmocka_unit_test(messages_are_passed_on_by_lines),
        cmocka_unit_test(the_command_has_a_session_of_its_own),
        cmocka_unit_test(a_command_that_does_not_end_is_killed),
        cmocka_unit_test(a_process_left_behind_does_not_hold_us),
        cmocka_unit_test(no_other_descriptor_is_inherited),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
