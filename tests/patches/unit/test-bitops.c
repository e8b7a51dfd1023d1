/*
 * The bitmap functions of xen-tools/bitops.h (xc_bitops.h up to 4.20), against
 * one byte a bit and one loop. Those that a tree does not have yet are left
 * out.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include BITOPS_H

enum { BITS = 300, BYTES = (BITS + 7) / 8, ROUNDS = 20 };

/* Whole longs, the least that the functions ask for. */
static inline size_t long_bytes(unsigned long nr_bits)
{
    return (nr_bits + BITS_PER_LONG - 1) / BITS_PER_LONG * sizeof(long);
}

/* Up to 4.21 the first bitmap is one of the two that are merged. */
static void merge(void *dst, const void *other, unsigned long nr_bits)
{
#if BITMAP_OR_ARGUMENTS == 3
    bitmap_or(dst, dst, other, nr_bits);
#else
    bitmap_or(dst, other, nr_bits);
#endif
}

static void fill(uint8_t *bytes, size_t nr, unsigned int percent)
{
    size_t bit;

    memset(bytes, 0, nr);
    for (bit = 0; bit < 8 * nr; bit++)
        if (random() % 100 < percent)
            bytes[bit / 8] |= 1 << bit % 8;
}

/*
 * "They can work just as well with 'unsigned int *' based bitmaps": Xen's
 * 11d0044a16, which was for ARM. A misaligned access by long is one that the
 * sanitizer reports.
 */
static void bitmap_or_takes_any_alignment(void **state)
{
    unsigned long nr, round, i;

    for (nr = 0; nr < BITS; nr++) {
        for (round = 0; round < ROUNDS; round++) {
            size_t size = (nr + 7) / 8, at = round % 8, from = round / 2 % 8;
            uint8_t *dst = malloc(at + size + 1);
            uint8_t *other = malloc(from + size);
            uint8_t expected[BYTES + 1];

            fill(dst, at + size + 1, 30);
            fill(other, from + size, 30);
            memcpy(expected, dst + at, size + 1);
            for (i = 0; i < size; i++)
                expected[i] |= other[from + i];
            merge(dst + at, other + from, nr);
            assert_memory_equal(dst + at, expected, size + 1);
            free(dst);
            free(other);
        }
    }
}

#ifdef HAVE_FIND_NEXT_BIT
/* Exact memory, with bits behind the end set: they are none of the bitmap's. */
static void find_next_bit_finds_each_bit(void **state)
{
    static const unsigned int percents[] = { 0, 1, 50, 99, 100 };
    unsigned long nr, p, offset, expected;

    for (nr = 0; nr < BITS; nr++) {
        unsigned long *bitmap = malloc(long_bytes(nr));

        for (p = 0; p < sizeof(percents) / sizeof(percents[0]); p++) {
            fill((uint8_t *)bitmap, long_bytes(nr), percents[p]);
            for (offset = 0; offset < nr + 70; offset++) {
                expected = offset;
                while (expected < nr && !test_bit(expected, bitmap))
                    expected++;
                if (expected > nr)
                    expected = nr;
                assert_int_equal(find_next_bit(bitmap, nr, offset), expected);
            }
        }
        free(bitmap);
    }
}
#endif

#ifdef HAVE_BITMAP_WEIGHT
static void bitmap_weight_is_the_number_of_bits(void **state)
{
    unsigned long nr, round, bit, expected;

    for (nr = 0; nr < BITS; nr++) {
        unsigned long *bitmap = malloc(long_bytes(nr));

        for (round = 0; round < ROUNDS; round++) {
            fill((uint8_t *)bitmap, long_bytes(nr),
                 100 * round / (ROUNDS - 1));
            for (bit = expected = 0; bit < nr; bit++)
                expected += test_bit(bit, bitmap);
            assert_int_equal(bitmap_weight(bitmap, nr), expected);
        }
        free(bitmap);
    }
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitmap_or_takes_any_alignment),
#ifdef HAVE_FIND_NEXT_BIT
        cmocka_unit_test(find_next_bit_finds_each_bit),
#endif
#ifdef HAVE_BITMAP_WEIGHT
        cmocka_unit_test(bitmap_weight_is_the_number_of_bits),
#endif
    };

    srandom(20250131);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
