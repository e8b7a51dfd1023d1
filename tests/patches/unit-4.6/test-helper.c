/*
 * libxl-save-helper: what its command line becomes in the calls of libxc, and
 * that SIGTERM ends a wait in the back channel. The program is the tree's own,
 * argv[1] here, with helper-libxc.c for a libxc.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;

struct helper {
    pid_t pid;
    FILE *report;
};

/* Runs the helper with 10 as its stream and `back`, if any, as 11. */
static struct helper start(char *const args[], int back)
{
    int report[2], replies[2];
    const int zeroes[64] = { 0 };
    struct helper helper;

    assert_int_equal(pipe(report), 0);
    assert_int_equal(pipe(replies), 0);
    assert_int_equal(write(replies[1], zeroes, sizeof(zeroes)),
                     sizeof(zeroes));
    helper.pid = fork();
    if (!helper.pid) {
        dup2(replies[0], 0);
        dup2(open("/dev/null", O_WRONLY), 1);
        dup2(open("/dev/null", O_RDWR), 10);
        if (back >= 0)
            dup2(back, 11);
        dup2(report[1], 3);
        execv(program, args);
        _exit(99);
    }
    close(report[1]);
    close(replies[0]);
    close(replies[1]);
    helper.report = fdopen(report[0], "r");
    return helper;
}

static void says(struct helper *helper, const char *expected)
{
    char line[100];

    assert_non_null(fgets(line, sizeof(line), helper->report));
    assert_string_equal(line, expected);
}

static void ends(struct helper *helper)
{
    int status;

    assert_int_equal(waitpid(helper->pid, &status, 0), helper->pid);
    assert_int_equal(status, 0);
    fclose(helper->report);
}

static void save_gets_its_fds_and_type(void **state)
{
    char *const args[] = { "helper", "--save-domain", "10", "-1", "7", "0",
                           "0", "5", "1", "0", "1", NULL };
    struct helper helper = start(args, -1);

    says(&helper, "save 10 7 5 1 1 -1\n");
    ends(&helper);
}

static void restore_gets_its_fds_and_type(void **state)
{
    char *const args[] = { "helper", "--restore-domain", "10", "11", "7", "1",
                           "0", "2", "0", "1", "1", "0", "0", "2", NULL };
    struct helper helper = start(args, -1);

    says(&helper, "restore 10 7 1 2 11\n");
    ends(&helper);
}

static void sigterm_ends_a_wait_in_the_back_channel(void **state)
{
    char *const args[] = { "helper", "--save-domain", "10", "11", "7", "0",
                           "0", "5", "1", "0", "2", NULL };
    struct helper helper;
    int back[2];

    assert_int_equal(pipe(back), 0);
    helper = start(args, back[0]);
    says(&helper, "save 10 7 5 1 2 11\n");
    /* it may be in its read, or just ahead of it: both have to end */
    assert_int_equal(kill(helper.pid, SIGTERM), 0);
    says(&helper, "end of file\n");
    ends(&helper);
    close(back[0]);
    close(back[1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(save_gets_its_fds_and_type),
        cmocka_unit_test(restore_gets_its_fds_and_type),
        cmocka_unit_test(sigterm_ends_a_wait_in_the_back_channel),
    };

    program = argv[1];
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
