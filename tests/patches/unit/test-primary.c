/*
 * What a primary makes of the secondary's list: D, all that is dirty on either
 * host, in PAGE_DATA records; or an error.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pretend.h"

enum {
    END = 0x00,
    PAGE_DATA = 0x01,
    LIST = 0x0f,
    PART = 0x13,
    GUEST = 1044480 + 13,       /* ends within a byte */
};

/* ---- a list to send ----------------------------------------------------- */

struct bytes {
    uint8_t *data;
    size_t size;
};

static void append(struct bytes *to, const void *data, size_t size)
{
    if (!size)
        return;
    to->data = realloc(to->data, to->size + size);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

static void append_header(struct bytes *to, uint32_t type, uint32_t length)
{
    append(to, &type, sizeof(type));
    append(to, &length, sizeof(length));
}

static void append_record(struct bytes *to, uint32_t type,
                          const uint64_t *pfns, size_t nr)
{
    append_header(to, type, nr * sizeof(*pfns));
    append(to, pfns, nr * sizeof(*pfns));
}

/* ---- one checkpoint ----------------------------------------------------- */

static uint8_t *sent_pages;         /* one byte a pfn; D */
static int sent_errno;

/*
 * The guest's own dirty pages are A. Sends the list and frees it. Afterwards
 * sent_pages is what the primary has sent; more than once is an error.
 */
static int checkpoint(struct bytes *list)
{
    int back[2], out[2], rc;
    struct writer *secondary;
    struct reader *stream;
    uint8_t *data, *at;
    size_t size;

    assert_int_equal(pipe(back), 0);
    assert_int_equal(pipe(out), 0);
    pretend_errors[0] = 0;
    secondary = writer_start(back[1], list->data, list->size);
    stream = reader_start(out[0]);
    rc = primary_checkpoint(back[0], out[1]);
    sent_errno = errno;
    close(back[0]);
    writer_end(secondary);
    close(out[1]);
    data = reader_end(stream, &size);
    close(out[0]);
    free(list->data);
    *list = (struct bytes){ 0 };

    free(sent_pages);
    sent_pages = calloc(guest.nr_pfns, 1);
    for (at = data; at < data + size; ) {
        uint32_t type, length, count, i;

        memcpy(&type, at, 4);
        memcpy(&length, at + 4, 4);
        memcpy(&count, at + 8, 4);
        assert_int_equal(type, PAGE_DATA);
        assert_int_equal(length, 8 + 8 * count);
        for (i = 0, at += 16; i < count; i++, at += 8) {
            uint64_t pfn;

            memcpy(&pfn, at, 8);
            pfn &= (1UL << 52) - 1;
            assert_in_range(pfn, 0, guest.nr_pfns - 1);
            if (sent_pages[pfn]++)
                fail_msg("pfn %lu sent twice", (long)pfn);
        }
    }
    free(data);
    return rc;
}

static unsigned long nr_sent(void)
{
    unsigned long pfn, nr = 0;

    for (pfn = 0; pfn < guest.nr_pfns; pfn++)
        nr += sent_pages[pfn];
    return nr;
}

static void refused(struct bytes *list, const char *error)
{
    assert_int_not_equal(checkpoint(list), 0);
    if (!strstr(pretend_errors, error))
        fail_msg("\"%s\" does not say \"%s\"", pretend_errors, error);
    assert_int_equal(nr_sent(), 0);
}

/* ---- D ------------------------------------------------------------------ */

static void empty_list_adds_nothing(void **state)
{
    struct bytes list = { 0 };

    guest_is(GUEST);
    guest_dirties(7);
    append_record(&list, LIST, NULL, 0);
    assert_int_equal(checkpoint(&list), 0);
    assert_int_equal(sent_pages[7], 1);
    assert_int_equal(nr_sent(), 1);
}

static void pages_of_both_are_sent_once(void **state)
{
    const uint64_t b[] = { 0, 7, 8, GUEST - 1 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    guest_dirties(7);
    guest_dirties(9);
    append_record(&list, LIST, b, 4);
    assert_int_equal(checkpoint(&list), 0);
    assert_int_equal(nr_sent(), 5);
    assert_true(sent_pages[0] && sent_pages[7] && sent_pages[8] &&
                sent_pages[9] && sent_pages[GUEST - 1]);
}

static void all_pages_dirty_on_both_are_sent_once(void **state)
{
    struct bytes list = { 0 };
    uint64_t *b = malloc(GUEST * sizeof(*b)), pfn;

    guest_is(GUEST);
    guest_dirties_all();
    for (pfn = 0; pfn < GUEST; pfn++)
        b[pfn] = pfn;
    append_record(&list, LIST, b, GUEST);
    free(b);
    assert_int_equal(checkpoint(&list), 0);
    assert_int_equal(nr_sent(), GUEST);
}

/* Any order will do, and a pfn in twice: "an unordered list of PFNs". */
static void order_does_not_matter(void **state)
{
    const uint64_t b[] = { 100, 3, 100, 99, 0 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_record(&list, LIST, b, 5);
    assert_int_equal(checkpoint(&list), 0);
    assert_int_equal(nr_sent(), 4);
}

static void parts_are_one_list(void **state)
{
    const uint64_t b[] = { 1, 5, 64, 1000, GUEST - 1 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    guest_dirties(6);
    append_record(&list, PART, b, 2);
    append_record(&list, PART, b + 2, 1);
    append_record(&list, LIST, b + 3, 2);
    assert_int_equal(checkpoint(&list), 0);
    assert_int_equal(nr_sent(), 6);

    append_record(&list, PART, b, 5);
    append_record(&list, LIST, NULL, 0);
    assert_int_equal(checkpoint(&list), 0);
    assert_int_equal(nr_sent(), 5);
}

/* The next checkpoint's list must still be there. */
static void nothing_behind_the_list_is_read(void **state)
{
    const uint64_t b[] = { 1, 2 };
    struct bytes list = { 0 };
    uint8_t rest[32];
    int back[2], out[2];

    guest_is(GUEST);
    append_record(&list, PART, b, 1);
    append_record(&list, LIST, b + 1, 1);
    append_record(&list, LIST, b, 1);
    assert_int_equal(pipe(back), 0);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(write(back[1], list.data, list.size), list.size);
    free(list.data);
    assert_int_equal(primary_checkpoint(back[0], out[1]), 0);
    assert_int_equal(read(back[0], rest, sizeof(rest)), 16);
    assert_int_equal(rest[0], LIST);
    close(back[0]);
    close(back[1]);
    close(out[0]);
    close(out[1]);
}

/* Against one byte a page and one loop. */
static void union_is_that_of_the_naive_model(void **state)
{
    unsigned int round;

    srandom(20250131);
    for (round = 0; round < 200; round++) {
        unsigned long nr = 1 + random() % 5000, pfn, count = 0;
        unsigned long in_a = random() % 101, in_b = random() % 101;
        uint8_t *d = calloc(nr, 1);
        uint64_t *b = malloc(nr * sizeof(*b));
        struct bytes list = { 0 };
        unsigned long split;

        guest_is(nr);
        for (pfn = 0; pfn < nr; pfn++) {
            if (random() % 100 < in_a) {
                guest_dirties(pfn);
                d[pfn] = 1;
            }
            if (random() % 100 < in_b) {
                b[count++] = pfn;
                d[pfn] = 1;
            }
        }
        split = round % 2 && count ? 1 + random() % count : 0;
        if (split)
            append_record(&list, PART, b, split);
        append_record(&list, LIST, b + split, count - split);
        assert_int_equal(checkpoint(&list), 0);
        assert_memory_equal(sent_pages, d, nr);
        free(b);
        free(d);
    }
}

/* ---- what is refused ---------------------------------------------------- */

static void pfn_beyond_the_guest_is_refused(void **state)
{
    static const uint64_t beyond[] = {
        GUEST, GUEST + 1, (GUEST | 63) + 1, 1UL << 32, 1UL << 52, 1UL << 63,
        ~0UL,
    };
    size_t i;

    guest_is(GUEST);
    for (i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        const uint64_t b[] = { 1, beyond[i], 2 };
        struct bytes list = { 0 };

        append_record(&list, LIST, b, 3);
        refused(&list, "Invalid pfn");
    }
}

static void pfn_beyond_the_guest_in_a_part_is_refused(void **state)
{
    const uint64_t b[] = { GUEST };
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_record(&list, PART, b, 1);
    append_record(&list, LIST, NULL, 0);
    refused(&list, "Invalid pfn");
}

static void other_record_is_refused(void **state)
{
    static const uint32_t types[] = { END, PAGE_DATA, 0x0e, 0x14, 0x8000000f };
    const uint64_t b[] = { 1 };
    size_t i;

    guest_is(GUEST);
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct bytes list = { 0 };

        append_record(&list, types[i], b, 1);
        refused(&list, "received");
    }
}

static void length_that_is_no_number_of_pfns_is_refused(void **state)
{
    const uint64_t b[] = { 1, 2 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_header(&list, LIST, 12);
    append(&list, b, 16);           /* padded, as records are */
    refused(&list, "record length 12");
}

static void record_over_the_limit_is_refused(void **state)
{
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_header(&list, LIST, (128 << 20) + 8);
    refused(&list, "exceeds max");
}

static void short_record_is_refused(void **state)
{
    const uint64_t b[] = { 1, 2, 3 };
    struct bytes list = { 0 };
    size_t size;

    guest_is(GUEST);
    for (size = 0; size < 8 + sizeof(b); size++) {
        append_record(&list, LIST, b, 3);
        list.size = size;
        refused(&list, "Failed to read");
    }
}

static void list_that_ends_behind_a_part_is_refused(void **state)
{
    const uint64_t b[] = { 1 };
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_record(&list, PART, b, 1);
    refused(&list, "Failed to read");
}

static void empty_part_is_refused(void **state)
{
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_record(&list, PART, NULL, 0);
    append_record(&list, LIST, NULL, 0);
    refused(&list, "record length 0");
}

/* Rather than the text of whatever went wrong before. */
static void bad_record_is_a_protocol_error(void **state)
{
    const uint64_t b[] = { 1, GUEST };
    struct bytes list = { 0 };

    guest_is(GUEST);
    append_record(&list, END, NULL, 0);
    refused(&list, "received");
    assert_int_equal(sent_errno, EPROTO);

    append_record(&list, LIST, b, 2);
    refused(&list, "Invalid pfn");
    assert_int_equal(sent_errno, EPROTO);
}

/* Or a secondary could keep the primary's guest suspended for ever. */
static void more_pfns_than_pages_are_refused(void **state)
{
    const uint64_t b[] = { 0, 1, 2, 0, 1, 2 };
    struct bytes list = { 0 };

    guest_is(5);
    append_record(&list, LIST, b, 6);
    refused(&list, "More dirty pfns");

    append_record(&list, PART, b, 3);
    append_record(&list, LIST, b + 3, 3);
    refused(&list, "More dirty pfns");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_list_adds_nothing),
        cmocka_unit_test(pages_of_both_are_sent_once),
        cmocka_unit_test(all_pages_dirty_on_both_are_sent_once),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(parts_are_one_list),
        cmocka_unit_test(nothing_behind_the_list_is_read),
        cmocka_unit_test(union_is_that_of_the_naive_model),
        cmocka_unit_test(pfn_beyond_the_guest_is_refused),
        cmocka_unit_test(pfn_beyond_the_guest_in_a_part_is_refused),
        cmocka_unit_test(other_record_is_refused),
        cmocka_unit_test(length_that_is_no_number_of_pfns_is_refused),
        cmocka_unit_test(record_over_the_limit_is_refused),
        cmocka_unit_test(short_record_is_refused),
        cmocka_unit_test(list_that_ends_behind_a_part_is_refused),
        cmocka_unit_test(empty_part_is_refused),
        cmocka_unit_test(bad_record_is_a_protocol_error),
        cmocka_unit_test(more_pfns_than_pages_are_refused),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
