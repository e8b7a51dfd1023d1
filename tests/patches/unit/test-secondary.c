/*
 * What a secondary puts on the back channel, byte by byte.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pretend.h"

enum {
    LIST = 0x0f,
    PART = 0x13,
    RECORD_PFNS = (128 << 20) / 8,  /* REC_LENGTH_MAX since Xen 4.10 */
};

static int back_channel[2];
static struct reader *primary;

static void start(void)
{
    assert_int_equal(pipe(back_channel), 0);
    primary = reader_start(back_channel[0]);
    secondary_start(back_channel[1]);
}

/* Ends the secondary. All that it has sent; to be freed. */
static uint8_t *sent(size_t *size)
{
    uint8_t *data;

    secondary_end();
    close(back_channel[1]);
    data = reader_end(primary, size);
    close(back_channel[0]);
    return data;
}

static uint32_t u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t u64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

/* Checks one record header; returns what is behind it. */
static const uint8_t *record(const uint8_t *at, uint32_t type, uint64_t pfns)
{
    assert_int_equal(u32(at), type);
    assert_int_equal(u32(at + 4), pfns * 8);
    return at + 8;
}

static void one_pfn_is_sixteen_bytes(void **state)
{
    static const uint8_t expected[] = {
        0x0f, 0, 0, 0, 8, 0, 0, 0,
        0x34, 0x12, 0, 0, 0, 0, 0, 0,
    };
    uint8_t *data;
    size_t size;

    guest_is(1 << 16);
    start();
    guest_dirties(0x1234);
    assert_int_equal(secondary_checkpoint(), 0);
    data = sent(&size);
    assert_int_equal(size, sizeof(expected));
    assert_memory_equal(data, expected, size);
    free(data);
}

static void no_dirty_page_is_an_empty_list(void **state)
{
    uint8_t *data;
    size_t size;

    guest_is(1 << 16);
    start();
    assert_int_equal(secondary_checkpoint(), 0);
    data = sent(&size);
    assert_int_equal(size, 8);
    record(data, LIST, 0);
    free(data);
}

/* All pages of guests that end in and at the end of a byte, word and page. */
static void all_pages_are_listed_once(void **state)
{
    static const unsigned long sizes[] = {
        1, 7, 8, 9, 63, 64, 65, 1023, 1024, 1025, 4096 * 8 - 1, 4096 * 8,
        4096 * 8 + 1, 1044480, 1044493,
    };
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const uint8_t *at;
        uint8_t *data;
        uint64_t pfn;
        size_t size;

        guest_is(sizes[i]);
        start();
        guest_dirties_all();
        assert_int_equal(secondary_checkpoint(), 0);
        data = sent(&size);
        assert_int_equal(size, 8 + 8 * sizes[i]);
        at = record(data, LIST, sizes[i]);
        for (pfn = 0; pfn < sizes[i]; pfn++)
            if (u64(at + 8 * pfn) != pfn)
                fail_msg("pfn %lu of %lu", (long)pfn, sizes[i]);
        free(data);
    }
}

static void highest_pfn_is_listed(void **state)
{
    uint8_t *data;
    size_t size;

    guest_is(1044480 + 13);
    start();
    guest_dirties(1044480 + 12);
    assert_int_equal(secondary_checkpoint(), 0);
    data = sent(&size);
    assert_int_equal(size, 16);
    assert_int_equal(u64(record(data, LIST, 1)), 1044480 + 12);
    free(data);
}

/*
 * With the header in a write of its own, a list over TCP waits for the header's
 * acknowledgement: 42 ms were seen, with both guests suspended.
 */
static void list_is_one_write(void **state)
{
    static const unsigned long counts[] = { 0, 1, 2, 1024, 1025, 131072 };
    size_t i, size, total = 0;

    guest_is(1 << 18);
    start();
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        unsigned long pfn;

        for (pfn = 0; pfn < counts[i]; pfn++)
            guest_dirties(pfn);
        guest.writes = 0;
        assert_int_equal(secondary_checkpoint(), 0);
        if (guest.writes != 1)
            fail_msg("%lu pfns in %u writes", counts[i], guest.writes);
        total += 8 + 8 * counts[i];
    }
    free(sent(&size));
    assert_int_equal(size, total);
}

/* As the primary does for its own guest. */
static void frames_that_xen_has_mapped_are_listed(void **state)
{
    uint8_t *data;
    size_t size;

    guest_is(1 << 16);
    start();
    guest_has_mapped(0xfeff);
    guest_dirties(3);
    assert_int_equal(secondary_checkpoint(), 0);
    data = sent(&size);
    /* from the end: 0111, which mends the header, comes later */
    assert_in_range(size, 8 + 2 * 8, 16 + 2 * 8);
    assert_int_equal(u64(data + size - 16), 3);
    assert_int_equal(u64(data + size - 8), 0xfeff);
    free(data);
}

/* What Xen says on AMD before the first page is there, and after. */
static void bitmap_is_sized_when_it_is_used(void **state)
{
    uint8_t *data;
    size_t size;

    guest_is(1);
    start();
    guest_grows(1044480);
    guest_dirties(0);
    guest_dirties(1000);
    guest_dirties(1044479);
    assert_int_equal(secondary_checkpoint(), 0);
    data = sent(&size);
    assert_int_equal(size, 8 + 3 * 8);
    assert_int_equal(u64(record(data, LIST, 3) + 16), 1044479);
    free(data);
}

/* Each time with a page above the old end, from below to above 4 GiB. */
static void bitmap_grows_with_the_guest(void **state)
{
    static const unsigned long sizes[] = {
        1000, 32768, 32769, 1 << 20, (1 << 20) + 1, 1 << 22,
    };
    size_t i, nr = sizeof(sizes) / sizeof(sizes[0]), size;
    const uint8_t *at;
    uint8_t *data;

    guest_is(1);
    start();
    for (i = 0; i < nr; i++) {
        guest_grows(sizes[i]);
        guest_dirties(sizes[i] - 1);
        assert_int_equal(secondary_checkpoint(), 0);
    }
    data = sent(&size);
    assert_int_equal(size, 16 * nr);
    for (i = 0, at = data; i < nr; i++, at += 8) {
        at = record(at, LIST, 1);
        assert_int_equal(u64(at), sizes[i] - 1);
    }
    assert_int_equal(guest.suspends, nr);
    free(data);
}

static void checkpoint_takes_only_what_is_dirty_since_the_last(void **state)
{
    uint8_t *data;
    size_t size;

    guest_is(1 << 16);
    start();
    guest_dirties(5);
    assert_int_equal(secondary_checkpoint(), 0);
    guest_dirties(6);
    assert_int_equal(secondary_checkpoint(), 0);
    assert_int_equal(secondary_checkpoint(), 0);
    data = sent(&size);
    assert_int_equal(size, 16 + 16 + 8);
    assert_int_equal(u64(record(data, LIST, 1)), 5);
    assert_int_equal(u64(record(data + 16, LIST, 1)), 6);
    record(data + 32, LIST, 0);
    free(data);
}

/* An older primary understands it, so it must not be split. */
static void largest_list_of_one_record_is_one_record(void **state)
{
    uint8_t *data;
    size_t size;

    guest_is(RECORD_PFNS);
    start();
    guest_dirties_all();
    assert_int_equal(secondary_checkpoint(), 0);
    data = sent(&size);
    assert_int_equal(size, 8 + 8L * RECORD_PFNS);
    record(data, LIST, RECORD_PFNS);
    free(data);
}

static void longer_list_begins_with_a_part(void **state)
{
    const uint8_t *at;
    uint8_t *data;
    size_t size;

    guest_is(RECORD_PFNS + 3);
    start();
    guest_dirties_all();
    assert_int_equal(secondary_checkpoint(), 0);
    data = sent(&size);
    assert_int_equal(size, 16 + 8 * (RECORD_PFNS + 3L));
    at = record(data, PART, RECORD_PFNS);
    assert_int_equal(u64(at + 8 * (RECORD_PFNS - 1L)), RECORD_PFNS - 1);
    at = record(at + 8L * RECORD_PFNS, LIST, 3);
    assert_int_equal(u64(at), RECORD_PFNS);
    assert_int_equal(u64(at + 16), RECORD_PFNS + 2);
    free(data);
}

/* As a stream that ends is: the guest is that of the last checkpoint. */
static void lost_primary_is_a_failover(void **state)
{
    int lost[2];

    guest_is(1 << 20);
    assert_int_equal(pipe(lost), 0);
    close(lost[0]);
    secondary_start(lost[1]);
    guest_dirties_all();
    assert_int_equal(secondary_checkpoint(), SECONDARY_FAILOVER);
    assert_string_not_equal(pretend_errors, "");
    secondary_end();
    close(lost[1]);
}

static void restore_that_never_saw_a_checkpoint_leaks_nothing(void **state)
{
    size_t size;

    guest_is(1 << 16);
    start();
    free(sent(&size));
    assert_int_equal(size, 0);
}

static void failing_hypercall_sends_nothing(void **state)
{
    uint8_t *data;
    size_t size;

    guest_is(1 << 16);
    start();
    guest.logdirty_fails = true;
    assert_int_not_equal(secondary_checkpoint(), 0);
    assert_non_null(strstr(pretend_errors, "logdirty"));
    data = sent(&size);
    assert_int_equal(size, 0);
    free(data);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pfn_is_sixteen_bytes),
        cmocka_unit_test(no_dirty_page_is_an_empty_list),
        cmocka_unit_test(all_pages_are_listed_once),
        cmocka_unit_test(highest_pfn_is_listed),
        cmocka_unit_test(list_is_one_write),
        cmocka_unit_test(frames_that_xen_has_mapped_are_listed),
        cmocka_unit_test(bitmap_is_sized_when_it_is_used),
        cmocka_unit_test(bitmap_grows_with_the_guest),
        cmocka_unit_test(checkpoint_takes_only_what_is_dirty_since_the_last),
        cmocka_unit_test(largest_list_of_one_record_is_one_record),
        cmocka_unit_test(longer_list_begins_with_a_part),
        cmocka_unit_test(lost_primary_is_a_failover),
        cmocka_unit_test(restore_that_never_saw_a_checkpoint_leaks_nothing),
        cmocka_unit_test(failing_hypercall_sends_nothing),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
