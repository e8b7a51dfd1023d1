/*
 * A COLO primary: what it makes of the list in the back channel. D = A ∪ B in
 * PAGE_DATA records, or an error and no page.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenctrl.h"
#include "xenguest.h"

#include "pretend.h"

enum { GUEST = 5000 + 13 };         /* ends within a byte */

/* ---- the caller --------------------------------------------------------- */

/* As in test-restore.c, but the checkpoints after the initial one count. */
static struct {
    int checkpoints, taken;
    char odd;
    int answer;
    char trace[64];
    const uint8_t *a;               /* what the guest dirties each time */
} caller;

static int called(char letter)
{
    caller.trace[strlen(caller.trace)] = letter;
    if (letter == caller.odd && caller.taken == caller.checkpoints)
        return caller.answer;
    return 1;
}

static int suspend(void *data)
{
    if (caller.a && caller.trace[0])
        memcpy(guest.dirty, caller.a, guest.nr_pfns);
    return called('s');
}

static int checkpoint(void *data)
{
    return called('c');
}

static int postcopy(void *data)
{
    return called('p');
}

static int wait_checkpoint(void *data)
{
    int answer = called('w');

    caller.taken++;
    return answer;
}

static int switch_logdirty(int domid, unsigned enable, void *data)
{
    return 0;
}

static struct save_callbacks callbacks = {
    .suspend = suspend,
    .checkpoint = checkpoint,
    .postcopy = postcopy,
    .wait_checkpoint = wait_checkpoint,
    .switch_qemu_logdirty = switch_logdirty,
};

static void caller_is(int checkpoints, const uint8_t *a)
{
    memset(&caller, 0, sizeof(caller));
    caller.checkpoints = checkpoints;
    caller.odd = 'w';
    caller.a = a;
}

/* ---- one session -------------------------------------------------------- */

static uint8_t *sent;               /* a byte a pfn, as of one checkpoint */
static unsigned long nr_sent;

/* Takes one record of the stream at `at` into account. */
static size_t read_record(const struct bytes *stream, size_t at)
{
    uint32_t type = u32_at(stream, at), count, i;

    at += 8;
    if (type == CHECKPOINT)
        return at;
    assert_int_equal(type, PAGE_DATA);
    count = u32_at(stream, at);
    for (i = 0, at += 8; i < count; i++, at += 8) {
        uint64_t pfn = u64_at(stream, at) & 0xfffffffffffffUL;

        assert_in_range(pfn, 0, guest.nr_pfns - 1);
        if (sent[pfn]++)
            fail_msg("pfn %lu sent twice", (long)pfn);
        nr_sent++;
    }
    return at;
}

static int save_errno;      /* of the last save() */

/*
 * Saves with this in the back channel, and frees it. Afterwards `sent` is what
 * followed the last CHECKPOINT record but one, or the very last when the
 * checkpoint failed: the pages of the last checkpoint in any case.
 */
static int save(struct bytes *list)
{
    struct far_end secondary, receiver;
    int back, out, rc;
    struct bytes stream;
    size_t at, checkpoints = 0, seen = 0;

    last_error[0] = 0;
    back = feed(&secondary, list);
    out = collect(&receiver);
    free(list->data);
    *list = (struct bytes){ 0 };
    rc = xc_domain_save(&pretend_xen, out, 1, 0, 0, XCFLAGS_LIVE, &callbacks, 1,
                        XC_MIG_STREAM_COLO, back);
    save_errno = errno;
    close(back);
    close(out);
    fed(&secondary);
    stream = collected(&receiver);

    free(sent);
    sent = calloc(guest.nr_pfns, 1);
    for (at = 40; at < stream.size; ) {
        checkpoints += u32_at(&stream, at) == CHECKPOINT;
        at += 8 + u32_at(&stream, at + 4);
    }
    assert_int_equal(at, stream.size);
    nr_sent = 0;
    for (at = 40; at < stream.size; ) {
        if (u32_at(&stream, at) == CHECKPOINT)
            seen++;
        if (seen == (rc ? checkpoints : checkpoints - 1))
            at = read_record(&stream, at);
        else
            at += 8 + u32_at(&stream, at + 4);
    }
    free(stream.data);
    return rc;
}

static void save_well(struct bytes *list)
{
    assert_int_equal(save(list), 0);
    assert_string_equal(last_error, "");
}

static void refused(struct bytes *list, const char *message)
{
    static uint8_t a[GUEST] = { [3] = 1 };

    caller_is(1, a);
    assert_int_equal(save(list), -1);
    if (!strstr(last_error, message))
        fail_msg("\"%s\" does not say \"%s\"", last_error, message);
    assert_int_equal(nr_sent, 0);
    assert_string_equal(caller.trace, "scpws");
}

/* ---- D ------------------------------------------------------------------ */

static void empty_list_adds_nothing(void **state)
{
    static uint8_t a[GUEST] = { [7] = 1 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    caller_is(1, a);
    append_pfns(&list, LIST, NULL, 0);
    save_well(&list);
    assert_int_equal(nr_sent, 1);
    assert_true(sent[7]);
}

static void pages_of_either_are_sent(void **state)
{
    static uint8_t a[GUEST] = { [7] = 1, [9] = 1 };
    const uint64_t b[] = { 0, 7, 8, GUEST - 1 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    caller_is(1, a);
    append_pfns(&list, LIST, b, 4);
    save_well(&list);
    assert_int_equal(nr_sent, 5);
    assert_true(sent[0] && sent[7] && sent[8] && sent[9] && sent[GUEST - 1]);
}

static void list_of_all_pages_is_sent(void **state)
{
    enum { SIZE = 2 * RECORD_PFNS + 3 };
    uint64_t *b = malloc(SIZE * sizeof(*b)), pfn;
    struct bytes list = { 0 };

    guest_is(SIZE);
    caller_is(1, NULL);
    for (pfn = 0; pfn < SIZE; pfn++)
        b[pfn] = pfn;
    append_pfns(&list, PART, b, RECORD_PFNS);
    append_pfns(&list, PART, b + RECORD_PFNS, RECORD_PFNS);
    append_pfns(&list, LIST, b + 2 * RECORD_PFNS, 3);
    free(b);
    save_well(&list);
    assert_int_equal(nr_sent, SIZE);
}

static void list_may_end_with_its_parts(void **state)
{
    const uint64_t b[] = { 1, 64, GUEST - 1 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    caller_is(1, NULL);
    append_pfns(&list, PART, b, 1);
    append_pfns(&list, PART, b + 1, 2);
    append_pfns(&list, LIST, NULL, 0);
    save_well(&list);
    assert_int_equal(nr_sent, 3);
}

static void order_has_no_meaning(void **state)
{
    const uint64_t b[] = { 100, 3, 99, 3, 0 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    caller_is(1, NULL);
    append_pfns(&list, LIST, b, 5);
    save_well(&list);
    assert_int_equal(nr_sent, 4);
}

/* The list of one checkpoint is not in the next one's D. */
static void each_checkpoint_has_its_own_list(void **state)
{
    const uint64_t b[] = { 1, 2, 3 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    caller_is(3, NULL);
    append_pfns(&list, PART, b, 1);
    append_pfns(&list, LIST, b + 1, 1);
    append_pfns(&list, LIST, NULL, 0);
    append_pfns(&list, LIST, b + 2, 1);
    save_well(&list);
    assert_int_equal(nr_sent, 1);
    assert_true(sent[3]);
    assert_string_equal(caller.trace, "scpwscpwscpwscpw");
}

/* Against a byte a page and one loop. */
static void random_unions_are_those_of_the_naive_model(void **state)
{
    int round;

    srandom(46);
    for (round = 0; round < 200; round++) {
        unsigned long nr = 1 + random() % 5000, pfn, count = 0, split = 0;
        unsigned long in_a = random() % 101, in_b = random() % 101;
        uint8_t *a = calloc(nr, 1), *d = calloc(nr, 1);
        uint64_t *b = malloc(nr * sizeof(*b));
        struct bytes list = { 0 };

        for (pfn = 0; pfn < nr; pfn++) {
            a[pfn] = random() % 100 < in_a;
            d[pfn] = a[pfn];
            if (random() % 100 < in_b) {
                b[count++] = pfn;
                d[pfn] = 1;
            }
        }
        if (count && round % 2) {
            split = 1 + random() % count;
            append_pfns(&list, PART, b, split);
        }
        append_pfns(&list, LIST, b + split, count - split);

        guest_is(nr);
        caller_is(1, a);
        save_well(&list);
        assert_memory_equal(sent, d, nr);
        free(a);
        free(b);
        free(d);
    }
}

/* ---- what is refused ---------------------------------------------------- */

static void pfn_beyond_the_guest_is_refused(void **state)
{
    static const uint64_t beyond[] = {
        GUEST, GUEST + 1, (GUEST | 63) + 1, 32768, 1UL << 31, 1UL << 32,
        1UL << 52, 1UL << 63, ~0UL,
    };
    size_t i;

    for (i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
        const uint64_t b[] = { 1, beyond[i], 2 };
        struct bytes list = { 0 };

        guest_is(GUEST);
        append_pfns(&list, LIST, b, 3);
        refused(&list, "Invalid dirty pfn");
        assert_int_equal(save_errno, EPROTO);
        append_pfns(&list, PART, b, 3);
        append_pfns(&list, LIST, NULL, 0);
        refused(&list, "Invalid dirty pfn");
    }
}

static void other_record_is_refused(void **state)
{
    static const uint32_t types[] = {
        0, PAGE_DATA, CHECKPOINT, 0x10, 0x14, 0x8000000f, ~0U,
    };
    const uint64_t b[] = { 1 };
    size_t i;

    guest_is(GUEST);
    for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
        struct bytes list = { 0 };

        append_pfns(&list, types[i], b, 1);
        refused(&list, "Expected dirty pfn list");
        assert_int_equal(save_errno, EPROTO);
    }
}

static void length_that_is_no_number_of_pfns_is_refused(void **state)
{
    static const uint32_t lengths[] = { 1, 7, 9, 12, 15 };
    const uint64_t b[] = { 1, 2 };
    size_t i;

    guest_is(GUEST);
    for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        struct bytes list = { 0 };

        append_header(&list, LIST, lengths[i]);
        append(&list, b, (lengths[i] + 7) & ~7);
        refused(&list, "record length");
    }
}

static void record_over_the_limit_is_refused(void **state)
{
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_header(&list, LIST, (8 << 20) + 8);
    refused(&list, "exceeds max");
}

static void short_record_is_refused(void **state)
{
    const uint64_t b[] = { 1, 2, 3 };
    size_t size;

    guest_is(GUEST);
    for (size = 0; size < 8 + sizeof(b); size++) {
        struct bytes list = { 0 };

        append_pfns(&list, LIST, b, 3);
        list.size = size;
        refused(&list, "Failed to read");
    }
}

static void list_that_never_ends_is_refused(void **state)
{
    const uint64_t b[] = { 0, 1, 2, 0, 1, 2 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_pfns(&list, PART, b, 1);
    refused(&list, "Failed to read");

    append_pfns(&list, PART, NULL, 0);
    append_pfns(&list, LIST, NULL, 0);
    refused(&list, "record length 0");

    guest_is(5);
    append_pfns(&list, LIST, b, 6);
    refused(&list, "More dirty pfns");
    append_pfns(&list, PART, b, 3);
    append_pfns(&list, LIST, b + 3, 3);
    refused(&list, "More dirty pfns");
}

/* ---- the rest of a session ---------------------------------------------- */

static void callbacks_run_in_order(void **state)
{
    struct bytes list = { 0 };

    guest_is(GUEST);
    caller_is(2, NULL);
    append_pfns(&list, LIST, NULL, 0);
    append_pfns(&list, LIST, NULL, 0);
    save_well(&list);
    assert_string_equal(caller.trace, "scpwscpwscpw");
}

static void failing_callback_is_an_error(void **state)
{
    static const char letters[] = "scpw";
    static const char *const traces[] = {
        "scpws", "scpwsc", "scpwscp", "scpwscpw",
    };
    int i;

    for (i = 0; i < 4; i++) {
        struct bytes list = { 0 };

        guest_is(GUEST);
        caller_is(1, NULL);
        caller.odd = letters[i];
        caller.answer = letters[i] == 'w' ? -1 : 0;
        append_pfns(&list, LIST, NULL, 0);
        assert_int_equal(save(&list), -1);
        assert_non_null(strstr(last_error, "callback"));
        assert_string_equal(caller.trace, traces[i]);
    }
}

static void refuses(xc_migration_stream_t type, uint32_t flags, int recv_fd,
                    int error)
{
    last_error[0] = 0;
    errno = 0;
    assert_int_equal(xc_domain_save(&pretend_xen, -1, 1, 0, 0, flags,
                                    &callbacks, 1, type, recv_fd), -1);
    assert_int_equal(errno, error);
    assert_string_not_equal(last_error, "");
    assert_string_equal(caller.trace, "");
}

static void what_cannot_be_saved_is_refused(void **state)
{
    guest_is(GUEST);
    caller_is(1, NULL);
    refuses(XC_MIG_STREAM_COLO, XCFLAGS_LIVE, -1, EINVAL);
    refuses(XC_MIG_STREAM_COLO, 0, 0, EINVAL);
    refuses(XC_MIG_STREAM_COLO + 1, XCFLAGS_LIVE, 0, EINVAL);
    refuses(-1, XCFLAGS_LIVE, 0, EINVAL);
    guest.pv = true;
    refuses(XC_MIG_STREAM_COLO, XCFLAGS_LIVE, 0, EOPNOTSUPP);
}

/* And still ends with an END record, which COLO does not. */
static void remus_leaves_the_back_channel_alone(void **state)
{
    struct far_end secondary, receiver;
    struct bytes list = { 0 }, stream;
    uint8_t header[8];
    int back, out;

    append_pfns(&list, LIST, NULL, 0);
    back = feed(&secondary, &list);
    out = collect(&receiver);
    free(list.data);

    guest_is(GUEST);
    caller_is(0, NULL);
    caller.odd = 'c';
    assert_int_equal(xc_domain_save(&pretend_xen, out, 1, 0, 0, XCFLAGS_LIVE,
                                    &callbacks, 1, XC_MIG_STREAM_REMUS, back),
                     0);
    assert_string_equal(caller.trace, "spc");
    assert_int_equal(read(back, header, sizeof(header)), sizeof(header));
    close(back);
    close(out);
    fed(&secondary);
    stream = collected(&receiver);
    assert_int_equal(u64_at(&stream, stream.size - 8), 0);
    free(stream.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_list_adds_nothing),
        cmocka_unit_test(pages_of_either_are_sent),
        cmocka_unit_test(list_of_all_pages_is_sent),
        cmocka_unit_test(list_may_end_with_its_parts),
        cmocka_unit_test(order_has_no_meaning),
        cmocka_unit_test(each_checkpoint_has_its_own_list),
        cmocka_unit_test(random_unions_are_those_of_the_naive_model),
        cmocka_unit_test(pfn_beyond_the_guest_is_refused),
        cmocka_unit_test(other_record_is_refused),
        cmocka_unit_test(length_that_is_no_number_of_pfns_is_refused),
        cmocka_unit_test(record_over_the_limit_is_refused),
        cmocka_unit_test(short_record_is_refused),
        cmocka_unit_test(list_that_never_ends_is_refused),
        cmocka_unit_test(callbacks_run_in_order),
        cmocka_unit_test(failing_callback_is_an_error),
        cmocka_unit_test(what_cannot_be_saved_is_refused),
        cmocka_unit_test(remus_leaves_the_back_channel_alone),
    };
    int failed, before = open_fds();

    signal(SIGPIPE, SIG_IGN);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(sent);
    free(guest.dirty);
    return failed || open_fds() != before;
}
