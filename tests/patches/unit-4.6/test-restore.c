/*
 * A COLO secondary: the list that it writes into the back channel, and what
 * becomes of the restore when something else happens.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenctrl.h"
#include "xenguest.h"

#include "pretend.h"

/* ---- the caller --------------------------------------------------------- */

/*
 * Each callback adds its letter to the trace and answers 1, but the one with
 * the letter `odd` answers `answer` at the last of `checkpoints`.
 */
static struct {
    int checkpoints, taken;
    char odd;
    int answer;
    char trace[64];
    void (*ran)(int checkpoint);    /* the guest has: what it dirtied */
} caller;

static int called(char letter)
{
    caller.trace[strlen(caller.trace)] = letter;
    if (letter == caller.odd && caller.taken == caller.checkpoints)
        return caller.answer;
    return XGR_CHECKPOINT_SUCCESS;
}

static int checkpoint(void *data)
{
    caller.taken++;
    return called('c');
}

static void results(xen_pfn_t store, xen_pfn_t console, void *data)
{
    called('r');
}

static int postcopy(void *data)
{
    return called('p');
}

static int wait_checkpoint(void *data)
{
    return called('w');
}

static int suspend(void *data)
{
    if (caller.ran)
        caller.ran(caller.taken);
    return called('s');
}

static struct restore_callbacks callbacks = {
    .checkpoint = checkpoint,
    .restore_results = results,
    .postcopy = postcopy,
    .wait_checkpoint = wait_checkpoint,
    .suspend = suspend,
};

/* A caller that fails over when the checkpoints are used up. */
static void caller_is(int checkpoints, void (*ran)(int checkpoint))
{
    memset(&caller, 0, sizeof(caller));
    caller.checkpoints = checkpoints + 1;
    caller.odd = 'w';
    caller.answer = XGR_CHECKPOINT_FAILOVER;
    caller.ran = ran;
}

static int restore(xc_migration_stream_t type, int fd, int send_back_fd)
{
    unsigned long store, console;

    return xc_domain_restore(&pretend_xen, fd, 1, 0, &store, 0, 0, &console, 0,
                             1, 1, 0, type, &callbacks, send_back_fd);
}

/* A stream with no pages: headers and as many checkpoints. */
static int stream(struct far_end *end, int checkpoints)
{
    struct bytes bytes = { 0 };
    const uint64_t marker = ~0UL, rest = 0;
    const uint32_t id[] = { htonl(0x58454e46), htonl(2) };
    const uint32_t domain[] = { 2, 12, 4, 6 };
    int fd;

    append(&bytes, &marker, sizeof(marker));
    append(&bytes, id, sizeof(id));
    append(&bytes, &rest, sizeof(rest));
    append(&bytes, domain, sizeof(domain));
    while (checkpoints--)
        append_header(&bytes, CHECKPOINT, 0);
    fd = feed(end, &bytes);
    free(bytes.data);
    return fd;
}

/* Runs a COLO restore to its end. What came back is the caller's to free. */
static struct bytes run(int *rc)
{
    struct far_end sender, receiver;
    int fd = stream(&sender, caller.checkpoints);
    int back = collect(&receiver);

    *rc = restore(XC_MIG_STREAM_COLO, fd, back);
    close(fd);
    fed(&sender);
    close(back);
    return collected(&receiver);
}

static struct bytes run_well(void)
{
    int rc;
    struct bytes back = run(&rc);

    assert_int_equal(rc, 0);
    assert_string_equal(last_error, "");
    return back;
}

/* ---- the list ----------------------------------------------------------- */

static void dirties_nothing(int checkpoint)
{
}

static void dirties_one(int checkpoint)
{
    guest.dirty[0x12345] = 1;
}

static void dirties_highest(int checkpoint)
{
    guest.dirty[guest.nr_pfns - 1] = 1;
}

static void dirties_all(int checkpoint)
{
    memset(guest.dirty, 1, guest.nr_pfns);
}

static void empty_list_is_a_header(void **state)
{
    static const uint8_t expected[] = { 0x0f, 0, 0, 0, 0, 0, 0, 0 };
    struct bytes back;

    guest_is(0x20000);
    caller_is(1, dirties_nothing);
    back = run_well();
    assert_int_equal(back.size, sizeof(expected));
    assert_memory_equal(back.data, expected, sizeof(expected));
    free(back.data);
}

static void one_pfn_is_sixteen_bytes(void **state)
{
    static const uint8_t expected[] = {
        0x0f, 0, 0, 0, 8, 0, 0, 0, 0x45, 0x23, 1, 0, 0, 0, 0, 0,
    };
    struct bytes back;

    guest_is(0x20000);
    caller_is(1, dirties_one);
    back = run_well();
    assert_int_equal(back.size, sizeof(expected));
    assert_memory_equal(back.data, expected, sizeof(expected));
    free(back.data);
}

/* With the header by itself, TCP waits for the acknowledgement of that. */
static void list_is_one_write(void **state)
{
    static const unsigned long sizes[] = { 1, 2, 1023, 1024 };
    size_t i;
    struct bytes back;

    guest_is(0x20000);
    caller_is(1, dirties_nothing);
    writes = 0;
    back = run_well();
    assert_int_equal(writes, 1);
    free(back.data);

    for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        guest_is(sizes[i]);
        caller_is(1, dirties_all);
        writes = 0;
        back = run_well();
        if (writes != 1)
            fail_msg("%lu pfns in %d writes", sizes[i], writes);
        free(back.data);
    }
}

static void highest_pfn_is_the_last(void **state)
{
    static const unsigned long sizes[] = {
        1, 2, 8, 9, 63, 64, 65, 32767, 32768, 32769, 1044480,
    };
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct bytes back;

        guest_is(sizes[i]);
        caller_is(1, dirties_highest);
        back = run_well();
        assert_int_equal(back.size, 16);
        assert_int_equal(u64_at(&back, 0), LIST | 8UL << 32);
        assert_int_equal(u64_at(&back, 8), sizes[i] - 1);
        free(back.data);
    }
}

/* Checks `count` ascending pfns from `first`, in a record of this type. */
static size_t check_run(const struct bytes *back, size_t at, uint32_t type,
                        uint64_t first, uint64_t count)
{
    uint64_t i;

    assert_int_equal(u32_at(back, at), type);
    assert_int_equal(u32_at(back, at + 4), 8 * count);
    for (i = 0, at += 8; i < count; i++, at += 8)
        if (u64_at(back, at) != first + i)
            fail_msg("pfn %lu is %lu", (long)(first + i),
                     (long)u64_at(back, at));
    return at;
}

static void all_pfns_are_there_once(void **state)
{
    static const unsigned long sizes[] = { 1, 63, 64, 65, 1023, 1024, 1025 };
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct bytes back;

        guest_is(sizes[i]);
        caller_is(1, dirties_all);
        back = run_well();
        assert_int_equal(check_run(&back, 0, LIST, 0, sizes[i]), back.size);
        free(back.data);
    }
}

/* Such a list is one that releases without parts understand. */
static void full_record_has_no_part_before_it(void **state)
{
    struct bytes back;

    guest_is(RECORD_PFNS);
    caller_is(1, dirties_all);
    back = run_well();
    assert_int_equal(check_run(&back, 0, LIST, 0, RECORD_PFNS), back.size);
    free(back.data);
}

static void longer_list_begins_in_parts(void **state)
{
    struct bytes back;
    size_t at;

    guest_is(2 * RECORD_PFNS + 3);
    caller_is(1, dirties_all);
    back = run_well();
    at = check_run(&back, 0, PART, 0, RECORD_PFNS);
    at = check_run(&back, at, PART, RECORD_PFNS, RECORD_PFNS);
    at = check_run(&back, at, LIST, 2 * RECORD_PFNS, 3);
    assert_int_equal(at, back.size);
    free(back.data);
}

/* As on AMD: 1 when the restore begins, and the truth when it has memory. */
static void grows(int checkpoint)
{
    static const unsigned long sizes[] = { 1000, 1044480, 1044480, 2000000 };

    guest_becomes(sizes[checkpoint - 1]);
    dirties_highest(checkpoint);
}

static void list_covers_the_guest_as_it_is_now(void **state)
{
    struct bytes back;

    guest_is(1);
    caller_is(4, grows);
    back = run_well();
    assert_int_equal(back.size, 4 * 16);
    assert_int_equal(u64_at(&back, 8), 1000 - 1);
    assert_int_equal(u64_at(&back, 24), 1044480 - 1);
    assert_int_equal(u64_at(&back, 40), 1044480 - 1);
    assert_int_equal(u64_at(&back, 56), 2000000 - 1);
    free(back.data);
}

static void shrinks(int checkpoint)
{
    guest_becomes(40000 / checkpoint);
    dirties_highest(checkpoint);
}

static void smaller_guest_has_a_smaller_list(void **state)
{
    struct bytes back;

    guest_is(1);
    caller_is(2, shrinks);
    back = run_well();
    assert_int_equal(back.size, 2 * 16);
    assert_int_equal(u64_at(&back, 24), 20000 - 1);
    free(back.data);
}

static uint8_t *model;              /* what was dirtied */

static void dirties_at_random(int checkpoint)
{
    unsigned long pfn, percent = random() % 101;

    for (pfn = 0; pfn < guest.nr_pfns; pfn++)
        model[pfn] = guest.dirty[pfn] = random() % 100 < percent;
}

static void random_lists_are_those_of_the_naive_model(void **state)
{
    int round;

    srandom(46);
    for (round = 0; round < 200; round++) {
        struct bytes back;
        size_t pfn, at = 8;

        guest_is(1 + random() % 5000);
        model = calloc(guest.nr_pfns, 1);
        caller_is(1, dirties_at_random);
        back = run_well();
        for (pfn = 0; pfn < guest.nr_pfns; pfn++)
            if (model[pfn]) {
                assert_int_equal(u64_at(&back, at), pfn);
                at += 8;
            }
        assert_int_equal(u64_at(&back, 0), LIST | (at - 8) << 32);
        assert_int_equal(at, back.size);
        free(back.data);
        free(model);
    }
}

/* ---- the callbacks ------------------------------------------------------ */

static void callbacks_run_in_order(void **state)
{
    struct bytes back;

    guest_is(100);
    caller_is(2, dirties_nothing);
    back = run_well();
    assert_string_equal(caller.trace, "crpwscrpwscrpw");
    assert_int_equal(guest.completed, 3);
    assert_int_equal(back.size, 2 * 8);
    free(back.data);
}

/* At the second checkpoint, when there is something to fail over to. */
static void each_answer_is_obeyed(void **state)
{
    static const char letters[] = "cpws";
    static const char *const traces[] = {
        "crpwsc", "crpwscrp", "crpwscrpw", "crpwscrpws",
    };
    int i;

    for (i = 0; i < 4; i++) {
        int rc;

        guest_is(100);
        caller_is(1, dirties_nothing);
        caller.odd = letters[i];
        caller.answer = XGR_CHECKPOINT_FAILOVER;
        free(run(&rc).data);
        assert_int_equal(rc, 0);
        assert_string_equal(caller.trace, traces[i]);

        guest_is(100);
        caller_is(1, dirties_nothing);
        caller.odd = letters[i];
        caller.answer = XGR_CHECKPOINT_ERROR;
        free(run(&rc).data);
        assert_int_equal(rc, -1);
        assert_string_equal(caller.trace, traces[i]);
    }
}

static void no_failover_to_a_copy_that_is_not_complete(void **state)
{
    int rc;

    guest_is(100);
    caller_is(0, dirties_nothing);
    caller.odd = 'c';
    free(run(&rc).data);
    assert_int_equal(rc, -1);
    assert_string_equal(caller.trace, "c");
    assert_int_equal(guest.completed, 0);
}

static void stream_that_ends_before_a_checkpoint_is_an_error(void **state)
{
    int rc;

    guest_is(100);
    caller_is(-1, dirties_nothing);
    free(run(&rc).data);
    assert_int_equal(rc, -1);
    assert_string_equal(caller.trace, "");
}

static void stream_that_ends_after_a_checkpoint_is_failover(void **state)
{
    int rc;

    guest_is(100);
    caller_is(1, dirties_nothing);
    caller.checkpoints = 1;
    caller.odd = 0;
    free(run(&rc).data);
    assert_int_equal(rc, 0);
    assert_string_equal(caller.trace, "crpws");
}

/* ---- failures ----------------------------------------------------------- */

static void lost_sender_is_failover(void **state)
{
    struct far_end sender;
    int back[2], fd;

    guest_is(1 << 20);
    caller_is(5, dirties_all);
    assert_int_equal(pipe(back), 0);
    close(back[0]);
    fd = stream(&sender, 5);
    assert_int_equal(restore(XC_MIG_STREAM_COLO, fd, back[1]), 0);
    assert_string_equal(caller.trace, "crpws");
    assert_non_null(strstr(last_error, "back channel"));
    close(fd);
    close(back[1]);
    fed(&sender);
}

static void clean_fails(int checkpoint)
{
    guest.clean_fails = true;
}

static void size_fails(int checkpoint)
{
    guest_becomes(0);
}

static void memory_fails(int checkpoint)
{
    guest_becomes(1000);
    guest.no_memory = true;
}

static void failure_sends_nothing(void **state)
{
    static void (*const fails[])(int) = {
        clean_fails, size_fails, memory_fails,
    };
    size_t i;

    for (i = 0; i < sizeof(fails) / sizeof(*fails); i++) {
        struct bytes back;
        int rc;

        guest_is(100);
        caller_is(1, fails[i]);
        back = run(&rc);
        assert_int_equal(rc, -1);
        assert_string_not_equal(last_error, "");
        assert_int_equal(back.size, 0);
        free(back.data);
    }
}

static void memory_fails_later(int checkpoint)
{
    if (checkpoint == 2)
        memory_fails(checkpoint);
}

/* The bitmap of the first checkpoint is gone by then, and is freed once. */
static void failure_to_grow_sends_nothing(void **state)
{
    struct bytes back;
    int rc;

    guest_is(100);
    caller_is(2, memory_fails_later);
    back = run(&rc);
    assert_int_equal(rc, -1);
    assert_int_equal(back.size, 8);
    free(back.data);
}

static void refuses(xc_migration_stream_t type, int send_back_fd, int error)
{
    struct far_end sender;
    int fd = stream(&sender, 1);

    last_error[0] = 0;
    errno = 0;
    assert_int_equal(restore(type, fd, send_back_fd), -1);
    assert_int_equal(errno, error);
    assert_string_not_equal(last_error, "");
    assert_string_equal(caller.trace, "");
    close(fd);
    fed(&sender);
}

static void what_cannot_be_restored_is_refused(void **state)
{
    guest_is(100);
    caller_is(1, dirties_nothing);
    refuses(XC_MIG_STREAM_COLO, -1, EINVAL);
    refuses(XC_MIG_STREAM_COLO + 1, 1, EINVAL);
    refuses(-1, 1, EINVAL);
    guest.pv = true;
    refuses(XC_MIG_STREAM_COLO, 1, EOPNOTSUPP);
}

static void remus_leaves_the_back_channel_alone(void **state)
{
    struct far_end sender, receiver;
    int fd = stream(&sender, 2), back = collect(&receiver);
    struct bytes bytes;

    guest_is(100);
    caller_is(2, NULL);
    assert_int_equal(restore(XC_MIG_STREAM_REMUS, fd, back), 0);
    assert_string_equal(caller.trace, "cc");
    assert_int_equal(guest.completed, 1);
    close(fd);
    close(back);
    fed(&sender);
    bytes = collected(&receiver);
    assert_int_equal(bytes.size, 0);
    free(bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_list_is_a_header),
        cmocka_unit_test(one_pfn_is_sixteen_bytes),
        cmocka_unit_test(list_is_one_write),
        cmocka_unit_test(highest_pfn_is_the_last),
        cmocka_unit_test(all_pfns_are_there_once),
        cmocka_unit_test(full_record_has_no_part_before_it),
        cmocka_unit_test(longer_list_begins_in_parts),
        cmocka_unit_test(list_covers_the_guest_as_it_is_now),
        cmocka_unit_test(smaller_guest_has_a_smaller_list),
        cmocka_unit_test(random_lists_are_those_of_the_naive_model),
        cmocka_unit_test(callbacks_run_in_order),
        cmocka_unit_test(each_answer_is_obeyed),
        cmocka_unit_test(no_failover_to_a_copy_that_is_not_complete),
        cmocka_unit_test(stream_that_ends_before_a_checkpoint_is_an_error),
        cmocka_unit_test(stream_that_ends_after_a_checkpoint_is_failover),
        cmocka_unit_test(lost_sender_is_failover),
        cmocka_unit_test(failure_sends_nothing),
        cmocka_unit_test(failure_to_grow_sends_nothing),
        cmocka_unit_test(what_cannot_be_restored_is_refused),
        cmocka_unit_test(remus_leaves_the_back_channel_alone),
    };
    int failed, before = open_fds();

    signal(SIGPIPE, SIG_IGN);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(guest.dirty);
    return failed || open_fds() != before;
}
