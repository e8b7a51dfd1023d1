/*
 * harness STOCK.so PATCHED.so: times both, and copying the bitmap, in turns.
 *
 * Dirty pages are spread at random, which no guest does, but which is the
 * worst case for a walk by words. Medians of processor time, as the machine may
 * be busy; it may be slow, too, so that a figure is worth its ratio to the
 * others of its row.
 */

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "side.h"

enum { LIST = 0x0f, PART = 0x13, RECORD_PFNS = (128 << 20) / 8 };

struct side {
    secondary_fn *secondary;
    primary_fn *primary;
};

static struct side load(const char *path)
{
    /* lazy: most of what the code could call is not there */
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    struct side side;

    if (!library) {
        fprintf(stderr, "dirty-list: %s\n", dlerror());
        exit(1);
    }
    side.secondary = (secondary_fn *)dlsym(library, "secondary");
    side.primary = (primary_fn *)dlsym(library, "primary");
    return side;
}

static double now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* ---- a guest ------------------------------------------------------------ */

struct guest {
    unsigned long nr_pfns;
    size_t octets;              /* of a bitmap, in whole pages */
    uint8_t *a, *b;             /* dirty pages of the two hosts */
    uint8_t *scratch;           /* one of them, as the code under test has it */
    uint8_t *records;           /* B as a list */
    size_t records_size;
    size_t union_pfns;
};

static uint64_t random_state = 88172645463325252;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void *pages(size_t octets)
{
    void *start = aligned_alloc(4096, octets);

    memset(start, 0, octets);
    return start;
}

static size_t dirty(uint8_t *bitmap, unsigned long nr_pfns, double share)
{
    uint64_t limit = share * 18446744073709551615.0;
    unsigned long pfn;
    size_t count = 0;

    for (pfn = 0; pfn < nr_pfns; pfn++)
        if (random64() < limit) {
            bitmap[pfn / 8] |= 1 << pfn % 8;
            count++;
        }
    return count;
}

static uint8_t *header(uint8_t *at, uint32_t type, uint32_t length)
{
    memcpy(at, &type, 4);
    memcpy(at + 4, &length, 4);
    return at + 8;
}

static void list(struct guest *guest, size_t left)
{
    unsigned long pfn;
    size_t in_record = 0;
    uint8_t *at;

    guest->records_size = 8 * (left + left / RECORD_PFNS + 1);
    at = guest->records = malloc(guest->records_size);
    if (left <= RECORD_PFNS)
        at = header(at, LIST, in_record = left * 8);
    for (pfn = 0; pfn < guest->nr_pfns; pfn++) {
        uint64_t value = pfn;

        if (!(guest->b[pfn / 8] >> pfn % 8 & 1))
            continue;
        if (!in_record) {
            in_record = left > RECORD_PFNS ? RECORD_PFNS : left;
            at = header(at, left > RECORD_PFNS ? PART : LIST, in_record * 8);
            in_record *= 8;
        }
        memcpy(at, &value, 8);
        at += 8;
        left--;
        in_record -= 8;
    }
    guest->records_size = at - guest->records;
}

static struct guest make_guest(unsigned long gib, double share)
{
    struct guest guest = { .nr_pfns = gib << 18 };
    size_t i;

    guest.octets = guest.nr_pfns / 8;
    guest.a = pages(guest.octets);
    guest.b = pages(guest.octets);
    guest.scratch = pages(guest.octets);
    dirty(guest.a, guest.nr_pfns, share);
    list(&guest, dirty(guest.b, guest.nr_pfns, share));
    for (i = 0; i < guest.octets; i++)
        guest.union_pfns += __builtin_popcount(guest.a[i] | guest.b[i]);
    return guest;
}

static void free_guest(struct guest *guest)
{
    free(guest->a);
    free(guest->b);
    free(guest->scratch);
    free(guest->records);
}

/* ---- measuring ---------------------------------------------------------- */

enum { ROUNDS = 9, STOCK = 0, PATCHED, COPY, WAYS };

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof(*times), ascending);
    return times[ROUNDS / 2];
}

/* Writes to memory that the compiler must believe in. */
static void copy(struct guest *guest)
{
    memcpy(guest->scratch, guest->b, guest->octets);
    __asm__ volatile ("" ::: "memory");
}

/* False if the code has refused, true if it did all of its work. */
static bool run(const struct side *side, struct guest *guest, bool secondary,
                double *time)
{
    size_t result, expected;
    double begin;

    memcpy(guest->scratch, secondary ? guest->b : guest->a, guest->octets);
    begin = now_ms();
    if (secondary) {
        result = side->secondary(guest->scratch, guest->nr_pfns);
        expected = guest->records_size;
    } else {
        result = side->primary(guest->scratch, guest->nr_pfns, guest->records,
                               guest->records_size);
        expected = guest->union_pfns;
    }
    *time = now_ms() - begin;
    /* stock may use one record too large, or the wrong header, of 16 octets */
    if (result && (result > expected + 8 || result + 64 < expected)) {
        fprintf(stderr, "dirty-list: %zu instead of %zu\n", result, expected);
        exit(1);
    }
    return result != 0;
}

static void row(const struct side *sides, struct guest *guest,
                unsigned long gib, double share, bool secondary)
{
    double times[WAYS][ROUNDS], m[WAYS];
    bool ok[WAYS] = { true, true, true };
    int round, way;

    for (round = 0; round < ROUNDS; round++) {
        for (way = STOCK; way <= PATCHED; way++)
            ok[way] = run(&sides[way], guest, secondary, &times[way][round]);
        times[COPY][round] = -now_ms();
        copy(guest);
        times[COPY][round] += now_ms();
    }
    for (way = 0; way < WAYS; way++)
        m[way] = median(times[way]);

    printf("%5lu GiB %6.2f %%  %-9s", gib, share * 100,
           secondary ? "secondary" : "primary");
    if (ok[STOCK])
        printf(" %10.3f %10.3f %8.1f x", m[STOCK], m[PATCHED],
               m[STOCK] / m[PATCHED]);
    else
        printf("    refuses %10.3f        - ", m[PATCHED]);
    printf(" %9.3f %8.1f x\n", m[COPY], m[PATCHED] / m[COPY]);
    fflush(stdout);
    if (!ok[PATCHED]) {
        fprintf(stderr, "dirty-list: the patched code refuses\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static const unsigned long sizes[] = { 4, 64, 512 };
    static const double shares[] = { 0.0001, 0.01, 0.5 };
    struct side sides[2];
    size_t i, j;

    if (argc != 3)
        return 1;
    sides[STOCK] = load(argv[1]);
    sides[PATCHED] = load(argv[2]);
    printf("medians of %d, in ms\n", ROUNDS);
    printf("%9s %8s  %-9s %10s %10s %10s %9s %10s\n", "guest", "dirty", "host",
           "stock", "patched", "faster", "memcpy", "of memcpy");
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (j = 0; j < sizeof(shares) / sizeof(shares[0]); j++) {
            struct guest guest = make_guest(sizes[i], shares[j]);

            row(sides, &guest, sizes[i], shares[j], true);
            row(sides, &guest, sizes[i], shares[j], false);
            free_guest(&guest);
        }
    return 0;
}
