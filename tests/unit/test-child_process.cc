// What a command of an admin's gets, and how it is ended.
#include "base/child_process.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "base/unique_fd.h"
#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

// What the command writes to its stdout.
std::string output_of(const std::string& command,
                      const std::vector<std::string>& environment = {})
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return "no pipe";
    }
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    auto child = ChildProcess::spawn(command, {-1, write_end.get(), -1},
                                     environment);
    write_end.reset();
    std::string text;
    char bytes[256];
    for (ssize_t r; (r = read(read_end.get(), bytes, sizeof bytes)) > 0;) {
        text.append(bytes, static_cast<size_t>(r));
    }
    child->wait(10s);
    return text;
}

bool is_alive(pid_t pid)
{
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    return (stat >> number >> name >> state) && state != "Z" && state != "X";
}

pid_t number_in(const std::string& path)
{
    pid_t pid = 0;
    for (const auto deadline = Clock::now() + 10s;
         pid == 0 && Clock::now() < deadline;) {
        std::ifstream(path) >> pid;
        std::this_thread::sleep_for(1ms);
    }
    return pid;
}

bool gone_within(pid_t pid, std::chrono::milliseconds limit)
{
    const auto deadline = Clock::now() + limit;
    while (is_alive(pid)) {
        if (Clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

void a_command_gets_only_three_descriptors(void**)
{
    // As a script's "exec 9>lock" leaves one to all that it starts.
    const UniqueFd lock(open("/dev/null", O_RDWR));
    const UniqueFd nine(fcntl(lock.get(), F_DUPFD, 9));
    assert_text(output_of("ls /proc/self/fd; readlink /proc/self/fd/0"),
                "0\n1\n2\n3\n/dev/null\n");  // 3 is the folder that ls reads
}

void a_command_gets_the_signals_of_a_login(void**)
{
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    const auto pipe_before = signal(SIGPIPE, SIG_IGN);
    const auto hup_before = signal(SIGHUP, SIG_IGN);
    // Two of the real-time signals are glibc's own, which ignores them here.
    const std::string text = output_of(
        "while read -r name mask; do case $name in SigBlk:|SigIgn:) "
        "echo $name$((0x$mask & 0x7fffffff));; esac; done </proc/$$/status");
    signal(SIGPIPE, pipe_before);
    signal(SIGHUP, hup_before);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    assert_text(text, "SigBlk:0\nSigIgn:0\n");
}

void a_command_gets_our_environment_but_what_is_for_libxl(void**)
{
    setenv("LIBXL_SAVE_HELPER", "ours", 1);
    setenv("XL_COLO_SAVE_SOCKET", "7", 1);
    setenv("XL_COLO_TEST_KEPT", "kept", 1);
    setenv("XL_COLO_TEST", "old", 1);
    const std::string text = output_of(
        "echo ${LIBXL_SAVE_HELPER-none} ${XL_COLO_SAVE_SOCKET-none} "
        "$XL_COLO_TEST_KEPT $XL_COLO_TEST; env | grep -c ^XL_COLO_TEST=",
        {"XL_COLO_TEST=new"});
    unsetenv("LIBXL_SAVE_HELPER");
    unsetenv("XL_COLO_SAVE_SOCKET");
    unsetenv("XL_COLO_TEST_KEPT");
    unsetenv("XL_COLO_TEST");
    assert_text(text, "none none kept new\n1\n");
}

void a_command_leads_a_session(void**)
{
    // Fields 1, 5 and 6 of proc(5): pid, process group, session.
    const std::string text = output_of(
        "set -- $(cat /proc/$$/stat); test $1 = $5 && test $1 = $6 && echo 1");
    assert_text(text, "1\n");
}

void the_exit_status_is_the_answer(void**)
{
    const struct {
        const char* command;
        int status;  // -1: an error
        const char* error;
    } cases[] = {
        {"true", 0, ""},
        {"exit 3", 3, ""},
        {"/nonexistent 2>/dev/null", 127, ""},
        {"kill -9 $$", -1, "ended by signal 9"},
    };
    for (const auto& c : cases) {
        const auto status = run_command(c.command, {}, 10s);
        print_message("  %s\n", c.command);
        assert_int_equal(status ? *status : -1, c.status);
        if (!status) {
            assert_text(status.error().text(), c.error);
        }
    }
}

void a_status_that_nobody_knows_is_no_success(void**)
{
    const auto before = signal(SIGCHLD, SIG_IGN);
    const auto status = run_command("true", {}, 10s);
    signal(SIGCHLD, before);
    assert_false(bool(status));
    assert_text(status.error().text(), "its exit status is not known");
}

// The shell waits for its child: both must go.
void a_command_that_hangs_is_ended_with_its_group(void**)
{
    const ScratchFolder folder;
    const std::string file = folder.path() + "/pid";
    const auto begin = Clock::now();
    const auto status =
        run_command("sleep 300 & echo $! > " + file + "; wait", {}, 500ms);
    const auto took = Clock::now() - begin;
    const bool gone = gone_within(number_in(file), 5s);
    assert_false(bool(status));
    assert_true(status.error().kind() == ErrorKind::timeout);
    assert_text(status.error().text(), "no answer within 500 ms");
    assert_true(took < 5s);
    assert_true(gone);
}

void one_that_ignores_sigterm_is_killed(void**)
{
    const ScratchFolder folder;
    const std::string file = folder.path() + "/pid";
    const auto status = run_command(
        "trap '' TERM; sleep 300 & echo $! > " + file + "; wait", {}, 300ms);
    const bool gone = gone_within(number_in(file), 5s);
    assert_true(!status && status.error().kind() == ErrorKind::timeout);
    assert_true(gone);
}

void a_wait_hears_that_it_is_not_wanted_any_more(void**)
{
    const ScratchFolder folder;
    const std::string file = folder.path() + "/pid";
    const auto begin = Clock::now();
    int asked = 0;
    const auto status =
        run_command("echo $$ > " + file + "; exec sleep 300", {}, 1h, [&] {
            return ++asked == 5;
        });
    const auto took = Clock::now() - begin;
    const bool gone = gone_within(number_in(file), 5s);
    assert_true(!status && status.error().kind() == ErrorKind::aborted);
    assert_int_equal(asked, 5);
    assert_true(took < 5s);
    assert_true(gone);
}

void the_owner_s_end_is_the_command_s(void**)
{
    pid_t pid = 0;
    {
        auto child = ChildProcess::spawn("sleep 300", {});
        pid = child->pid();
        const ChildProcess moved = std::move(*child);
    }
    assert_false(is_alive(pid));
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_command_gets_only_three_descriptors),
        cmocka_unit_test(a_command_gets_the_signals_of_a_login),
        cmocka_unit_test(a_command_gets_our_environment_but_what_is_for_libxl),
        cmocka_unit_test(a_command_leads_a_session),
        cmocka_unit_test(the_exit_status_is_the_answer),
        cmocka_unit_test(a_status_that_nobody_knows_is_no_success),
        cmocka_unit_test(a_command_that_hangs_is_ended_with_its_group),
        cmocka_unit_test(one_that_ignores_sigterm_is_killed),
        cmocka_unit_test(a_wait_hears_that_it_is_not_wanted_any_more),
        cmocka_unit_test(the_owner_s_end_is_the_command_s),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
