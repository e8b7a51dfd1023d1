#include "process/background.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "base/domain_files.h"

#include "check.h"

using namespace xl_colo;

// The lines that `run` shows on stderr, and its answer.
struct Outcome {
    int status = -1;
    std::string shown;
};

static std::string content(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

static int no_aftermath(Background&, const WatchRecord::Findings&,
                        const std::string&)
{
    return 99;
}

static Outcome run(const ScratchFolder& folder, const Background::Work& work,
                   const Background::Aftermath& aftermath = no_aftermath)
{
    const std::string path = folder.path() + "/stderr";
    std::fflush(nullptr);
    const UniqueFd kept(dup(STDERR_FILENO));
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    dup2(file.get(), STDERR_FILENO);
    Outcome outcome;
    outcome.status = Background::run(Background::Place::background, work,
                                     aftermath);
    std::fflush(stderr);
    dup2(kept.get(), STDERR_FILENO);
    outcome.shown = content(path);
    return outcome;
}

static void the_childs_end_is_the_parents(void**)
{
    const ScratchFolder folder;
    const auto outcome = run(folder, [](Background&) {
        std::fputs("cannot\n", stderr);
        return 3;
    });
    assert_int_equal(outcome.status, 3);
    assert_text(outcome.shown, "cannot\n");
}

static void a_killed_child_is_a_failure_that_is_told(void**)
{
    const ScratchFolder folder;
    const auto outcome = run(folder, [](Background&) {
        return raise(SIGKILL);
    });
    assert_int_equal(outcome.status, EXIT_FAILURE);
    assert_text(outcome.shown,
                "colo: error: the process that protects the guest died: "
                "signal 9: Killed\n");
}

// The child goes on after the parent's success, and writes to the log only.
static void a_detached_child_leaves_the_terminal(void**)
{
    const ScratchFolder folder;
    const std::string log = folder.path() + "/log";
    std::ofstream(log) << "older\n";
    int go[2], end[2];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(end), 0);
    const auto outcome = run(folder, [&](Background& background) {
        close(go[1]);
        std::fputs("before\n", stderr);
        if (!background.open_log(log)) {
            return 2;
        }
        background.detach(EXIT_SUCCESS);
        char byte;
        if (read(go[0], &byte, 1) != 1 || getsid(0) != getpid() ||
            std::filesystem::current_path() != "/") {
            return 3;
        }
        std::fputs("after\n", stderr);
        return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 4;
    });
    assert_int_equal(outcome.status, EXIT_SUCCESS);
    assert_text(outcome.shown, "before\n");
    assert_text(content(log), "older\n");
    assert_int_equal(write(go[1], "x", 1), 1);
    int status = -1;
    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);
    assert_text(content(log), "older\nafter\n");
    for (const int fd : {go[0], go[1], end[0], end[1]}) {
        close(fd);
    }
}

static void a_detached_child_may_have_failed(void**)
{
    const ScratchFolder folder;
    const auto outcome = run(folder, [&](Background& background) {
        if (!background.open_log(folder.path() + "/log")) {
            return 2;
        }
        background.detach(4);
        background.detach(5);
        return 0;
    });
    int status = -1;
    const pid_t child = wait(&status);
    assert_int_equal(outcome.status, 4);
    assert_true(child > 0);
    assert_int_equal(status, 0);
}

static void a_log_that_cannot_be_opened_changes_nothing(void**)
{
    const ScratchFolder folder;
    const auto outcome = run(folder, [&](Background& background) {
        const auto opened = background.open_log(folder.path() + "/no/log");
        if (!opened) {
            std::fprintf(stderr, "%s\n", opened.error().text().c_str());
        }
        background.detach(EXIT_SUCCESS);
        return 5;
    });
    assert_int_equal(outcome.status, 5);
    assert_contains(outcome.shown, "cannot open log ");
    assert_contains(outcome.shown, "No such file or directory");
}

// What asks for a stop, sent to the waiting parent, arrives in the child, and
// the child's end is still what counts. Nothing else does anything.
static void signals_are_handed_on(void**)
{
    for (const int sent : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
        const ScratchFolder folder;
        const pid_t terminal = getpid();
        const auto outcome = run(folder, [&](Background&) {
            sigset_t set;
            sigemptyset(&set);
            for (const int any : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1}) {
                sigaddset(&set, any);
            }
            for (const int nothing : {SIGUSR1, SIGALRM, SIGXFSZ, SIGTSTP}) {
                kill(terminal, nothing);
            }
            kill(terminal, sent);
            const timespec patience{10, 0};
            return sigtimedwait(&set, nullptr, &patience) == sent ? 42 : 1;
        });
        assert_int_equal(outcome.status, 42);
    }
}

// Whoever waited has not looked at them yet when the child has ended.
static void signals_that_come_at_the_end_are_too_late(void**)
{
    for (int i = 0; i < 20; ++i) {
        const ScratchFolder folder;
        const pid_t terminal = getpid();
        const auto outcome = run(folder, [&](Background&) {
            for (const int any : {SIGALRM, SIGUSR1, SIGTERM, SIGUSR2}) {
                kill(terminal, any);
            }
            return 42;
        });
        assert_int_equal(outcome.status, 42);
    }
}

static void hangup_that_is_ignored_is_not_handed_on(void**)
{
    const ScratchFolder folder;
    const pid_t terminal = getpid();
    signal(SIGHUP, SIG_IGN);
    const auto outcome = run(folder, [&](Background&) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGTERM);
        kill(terminal, SIGHUP);
        kill(terminal, SIGTERM);
        const timespec patience{10, 0};
        return sigtimedwait(&set, nullptr, &patience) == SIGTERM &&
                       sigpending(&set) == 0 && !sigismember(&set, SIGHUP)
                   ? 42
                   : 1;
    });
    signal(SIGHUP, SIG_DFL);
    assert_int_equal(outcome.status, 42);
}

static void in_the_foreground_nothing_is_detached(void**)
{
    const pid_t self = getpid();
    const int status = Background::run(
        Background::Place::foreground,
        [&](Background& background) {
            background.detach(3);
            return getppid() == self && background.in_foreground() ? 7 : 1;
        },
        no_aftermath);
    assert_int_equal(status, 7);
}

// Once there is something at stake, whatever ends the worker.
static void watcher_sees_to_what_is_left(void**)
{
    for (const bool by_signal : {true, false}) {
        const ScratchFolder folder;
        const auto outcome = run(
            folder,
            [&](Background& background) {
                SessionStatus status;
                status.domain = "web1";
                status.domid = Domid{7};
                background.record().note(status);
                background.record().begin({});
                background.record().guest_stands(true);
                if (!by_signal) {
                    _exit(5);  // as an exception does, without finish()
                }
                return raise(SIGKILL);
            },
            [](Background&, const WatchRecord::Findings& found,
               const std::string& how) {
                std::fprintf(stderr, "%s: %s, %d\n", found.domain.c_str(),
                             how.c_str(), found.stands);
                return 8;
            });
        assert_int_equal(outcome.status, 8);
        assert_text(outcome.shown, by_signal ? "web1: signal 9: Killed, 1\n"
                                             : "web1: exit status 5, 1\n");
    }
}

static void worker_that_has_finished_leaves_nothing(void**)
{
    const ScratchFolder folder;
    const auto outcome = run(folder, [](Background& background) {
        background.record().begin({});
        return 6;
    });
    assert_int_equal(outcome.status, 6);
}

static void logs_are_named_after_the_domain(void**)
{
    unsetenv("XL_COLO_LOG_DIR");
    assert_text(log_path("guest"), "/var/log/xen/xl-colo-guest.log");
    setenv("XL_COLO_LOG_DIR", "/tmp/x", 1);
    assert_text(log_path("../etc"), "/tmp/x/xl-colo-%2E.%2Fetc.log");
    unsetenv("XL_COLO_LOG_DIR");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_childs_end_is_the_parents),
        cmocka_unit_test(a_killed_child_is_a_failure_that_is_told),
        cmocka_unit_test(a_detached_child_leaves_the_terminal),
        cmocka_unit_test(a_detached_child_may_have_failed),
        cmocka_unit_test(a_log_that_cannot_be_opened_changes_nothing),
        cmocka_unit_test(signals_are_handed_on),
        cmocka_unit_test(signals_that_come_at_the_end_are_too_late),
        cmocka_unit_test(hangup_that_is_ignored_is_not_handed_on),
        cmocka_unit_test(in_the_foreground_nothing_is_detached),
        cmocka_unit_test(watcher_sees_to_what_is_left),
        cmocka_unit_test(worker_that_has_finished_leaves_nothing),
        cmocka_unit_test(logs_are_named_after_the_domain),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
