/*
 * libxl_save_callout.c: which fds libxl-save-helper gets, and under which
 * numbers it is told to find them. The file under test is included; the libxl
 * around it is pretended, down to a real fork and everything but the exec.
 */

#include "libxl_save_callout.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>

enum { STREAM = 40, BACK, REPORT, NONE = -1 };

/* What the helper sees at its exec, and the application afterwards. */
struct seen {
    char mode[32];
    int stream_fd, back_fd;
    int stream_is_right, back_is_right;     /* the files that were given */
    int others;             /* fds that no one asked for */
    int kept;               /* the application's fds are as they were */
    int opened;             /* by libxl in the application */
};

static struct seen seen;
static struct stat stream_stat, back_stat;

static int same_file(int fd, const struct stat *as)
{
    struct stat found;

    return !fstat(fd, &found) && found.st_dev == as->st_dev &&
           found.st_ino == as->st_ino;
}

static int passes_exec(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && !(flags & FD_CLOEXEC);
}

static void see_as_helper(char *const args[])
{
    int fd;

    snprintf(seen.mode, sizeof(seen.mode), "%s", args[1]);
    seen.stream_fd = atoi(args[2]);
    seen.back_fd = atoi(args[3]);
    seen.stream_is_right = passes_exec(seen.stream_fd) &&
                           same_file(seen.stream_fd, &stream_stat);
    seen.back_is_right = passes_exec(seen.back_fd) &&
                         same_file(seen.back_fd, &back_stat);
    for (fd = 3; fd < 256; fd++)
        if (fd != seen.stream_fd && fd != seen.back_fd)
            seen.others += passes_exec(fd);
}

/* ---- libxl -------------------------------------------------------------- */

static libxl_ctx ctx;
static libxl__gc pretend_gc = { .owner = &ctx };

libxl__gc *libxl__ao_inprogress_gc(libxl__ao *ao)
{
    return &pretend_gc;
}

char *libxl__sprintf(libxl__gc *gc, const char *format, ...)
{
    char *text;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    return text;
}

void libxl__log(libxl_ctx *libxl, xentoollog_level level, int errnoval,
                const char *file, int line, const char *func,
                const char *format, ...)
{
}

struct libxl__carefd {
    int fd;
};

void libxl__carefd_begin(void)
{
}

void libxl__carefd_unlock(void)
{
}

libxl__carefd *libxl__carefd_record(libxl_ctx *libxl, int fd)
{
    libxl__carefd *carefd = malloc(sizeof(*carefd));

    carefd->fd = fd;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return carefd;
}

int libxl__carefd_close(libxl__carefd *carefd)
{
    if (carefd)
        close(carefd->fd);
    free(carefd);
    return 0;
}

int libxl__carefd_fd(const libxl__carefd *carefd)
{
    return carefd->fd;
}

int libxl_pipe(libxl_ctx *libxl, int pipes[2])
{
    return pipe(pipes);
}

int libxl_fd_set_cloexec(libxl_ctx *libxl, int fd, int cloexec)
{
    return fcntl(fd, F_SETFD, cloexec ? FD_CLOEXEC : 0);
}

pid_t libxl__ev_child_fork(libxl__gc *gc, libxl__ev_child *child,
                           libxl__ev_child_callback *death)
{
    return child->pid = fork();
}

/* Puts the pipes where libxl__exec() does. */
void libxl__exec(libxl__gc *gc, int stdinfd, int stdoutfd, int stderrfd,
                 const char *arg0, char *const args[], char *const env[])
{
    dup2(stdinfd, 0);
    dup2(stdoutfd, 1);
    if (stdinfd > 2)
        close(stdinfd);
    if (stdoutfd > 2)
        close(stdoutfd);
    see_as_helper(args);
    if (write(REPORT, &seen, sizeof(seen)) != sizeof(seen))
        abort();
    _exit(0);
}

int libxl__ao_abortable_register(libxl__ao_abortable *abortable)
{
    return 0;
}

int libxl__ev_fd_register(libxl__gc *gc, libxl__ev_fd *ev,
                          libxl__ev_fd_callback *callback, int fd,
                          short events)
{
    return 0;
}

unsigned libxl__srm_callout_enumcallbacks_save(
    const libxl__srm_save_autogen_callbacks *callbacks)
{
    return 0;
}

unsigned libxl__srm_callout_enumcallbacks_restore(
    const libxl__srm_restore_autogen_callbacks *callbacks)
{
    return 0;
}

/* ---- one helper --------------------------------------------------------- */

struct given {
    int save;
    int stream, back;           /* one number: both are the same socket */
};

/*
 * The application, a process of its own: has the two pipes at the given
 * numbers, and nothing at the number `closed`, when libxl is called.
 */
static void application(const struct given *given, int closed)
{
    static libxl__domain_suspend_state dss;
    static libxl__domain_create_state dcs;
    libxl__save_helper_state shs = { .domid = 7 };
    int fd, before = 0, after = 0;

    if (closed >= 0)
        close(closed);
    dup2(STREAM, given->stream);
    libxl_fd_set_cloexec(&ctx, given->stream, 1);
    if (given->back >= 0) {
        dup2(BACK, given->back);
        libxl_fd_set_cloexec(&ctx, given->back, 1);
    }
    close(STREAM);
    close(BACK);

    for (fd = 0; fd < 256; fd++)
        before += fcntl(fd, F_GETFD) >= 0;

    if (given->save) {
        dss.domid = 7;
        dss.fd = given->stream;
        dss.recv_fd = given->back;
        libxl__xc_domain_save(NULL, &dss, &shs);
    } else {
        dcs.guest_domid = 7;
        dcs.libxc_fd = given->stream;
        dcs.send_back_fd = given->back;
        libxl__xc_domain_restore(NULL, &dcs, &shs, 1, 1, 0);
    }
    waitpid(shs.child.pid, NULL, 0);

    for (fd = 0; fd < 256; fd++)
        after += fcntl(fd, F_GETFD) >= 0;
    seen.opened = after - before;
    seen.kept = same_file(given->stream, &stream_stat) &&
                !passes_exec(given->stream);
    if (given->back >= 0)
        seen.kept = seen.kept && same_file(given->back, &back_stat) &&
                    !passes_exec(given->back);
    if (write(REPORT, &seen, sizeof(seen)) != sizeof(seen))
        abort();
    _exit(0);
}

/* Moves fd, for this process only. */
static void put(int fd, int where)
{
    dup2(fd, where);
    fcntl(where, F_SETFD, FD_CLOEXEC);
    close(fd);
}

static struct seen run(const struct given *given, int closed)
{
    int stream[2], back[2], report[2];
    struct seen helper, app;
    pid_t pid;

    assert_int_equal(pipe(stream), 0);
    assert_int_equal(pipe(back), 0);
    assert_int_equal(pipe(report), 0);
    put(stream[0], STREAM);
    put(given->back == given->stream ? dup(STREAM) : back[0], BACK);
    put(report[1], REPORT);
    libxl_fd_set_cloexec(&ctx, stream[1], 1);
    libxl_fd_set_cloexec(&ctx, back[1], 1);
    libxl_fd_set_cloexec(&ctx, back[0], 1);
    libxl_fd_set_cloexec(&ctx, report[0], 1);
    fstat(STREAM, &stream_stat);
    fstat(BACK, &back_stat);
    memset(&seen, 0, sizeof(seen));

    pid = fork();
    if (!pid)
        application(given, closed);
    close(STREAM);
    close(BACK);
    close(REPORT);
    close(stream[1]);
    close(back[1]);
    if (given->back == given->stream)
        close(back[0]);
    assert_int_equal(read(report[0], &helper, sizeof(helper)), sizeof(helper));
    assert_int_equal(read(report[0], &app, sizeof(app)), sizeof(app));
    close(report[0]);
    waitpid(pid, NULL, 0);
    helper.kept = app.kept;
    helper.opened = app.opened;
    return helper;
}

static void check(const struct given *given, int closed)
{
    struct seen got = run(given, closed);

    assert_string_equal(got.mode,
                        given->save ? "--save-domain" : "--restore-domain");
    assert_true(got.stream_fd > 2);
    assert_true(got.stream_is_right);
    if (given->back >= 0) {
        assert_true(got.back_fd > 2);
        assert_true(got.back_is_right);
    } else {
        assert_int_equal(got.back_fd, -1);
    }
    assert_int_equal(got.others, 0);
    assert_true(got.kept);
    /* libxl's ends of the helper's stdin and stdout */
    assert_int_equal(got.opened, 2);
}

/* ---- cases -------------------------------------------------------------- */

static void no_back_channel_is_minus_one(void **state)
{
    check(&(struct given){ 1, 20, NONE }, NONE);
    check(&(struct given){ 0, 20, NONE }, NONE);
    check(&(struct given){ 1, 0, NONE }, NONE);
}

static void high_fds_are_passed_on(void **state)
{
    check(&(struct given){ 1, 20, 21 }, NONE);
    check(&(struct given){ 0, 20, 21 }, NONE);
    check(&(struct given){ 0, 3, 4 }, NONE);
}

static void standard_fds_are_moved(void **state)
{
    int save, stream, back;

    for (save = 0; save < 2; save++)
        for (stream = 0; stream < 4; stream++)
            for (back = 0; back < 4; back++)
                check(&(struct given){ save, stream, back }, NONE);
}

static void closed_standard_fds_do_not_matter(void **state)
{
    int closed;

    for (closed = 0; closed < 3; closed++) {
        check(&(struct given){ 1, (closed + 1) % 3, (closed + 2) % 3 },
              closed);
        check(&(struct given){ 0, (closed + 1) % 3, 20 }, closed);
        check(&(struct given){ 0, 20, (closed + 1) % 3 }, closed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_back_channel_is_minus_one),
        cmocka_unit_test(high_fds_are_passed_on),
        cmocka_unit_test(standard_fds_are_moved),
        cmocka_unit_test(closed_standard_fds_do_not_matter),
    };
    int fd;

    /* whoever runs the test may have left some open */
    for (fd = 3; fd < 256; fd++)
        if (passes_exec(fd))
            libxl_fd_set_cloexec(&ctx, fd, 1);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
