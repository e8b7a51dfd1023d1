#include "workload.h"

// Areas of the memory, in pages.
enum {
    HOT = 0,               // one page, rewritten all the time
    SCATTERED = 1,         // random pages of it, a word each
    ALIKE = PAGES / 4,     // filled alike by both copies of the guest
    DIFFERENT = PAGES / 2, // filled differently, and other pages of it
    GROWING = PAGES / 4 * 3, // used page by page up to its end, then anew
    SCATTERED_A_STEP = 4,
    CHECKED_A_STEP = 16,
    REPORTED = 10,
};

static uint32_t weight(uint32_t index)
{
    return 2 * index + 1; // odd: every bit counts
}

static void set_sum(struct workload *w, uint32_t page, uint32_t sum)
{
    w->total += (sum - w->sums[page]) * weight(page);
    w->sums[page] = sum;
}

static void write_word(struct workload *w, uint32_t page, uint32_t index,
                       uint32_t value)
{
    uint32_t change = value - w->memory[page][index];

    w->memory[page][index] = value;
    set_sum(w, page, w->sums[page] + change * weight(index));
}

static void fill_page(struct workload *w, uint32_t page, uint32_t seed)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < WORDS; i++) {
        seed = seed * 1664525 + 1013904223;
        w->memory[page][i] = seed;
        sum += seed * weight(i);
    }
    set_sum(w, page, sum);
}

static uint32_t sum_of_page(const struct workload *w, uint32_t page)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < WORDS; i++)
        sum += w->memory[page][i] * weight(i);
    return sum;
}

static char *put_text(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    *at = '\0';
    return at;
}

static char *put_number(char *at, const char *name, uint32_t value)
{
    char digits[11];
    int i = sizeof(digits) - 1;

    digits[i] = '\0';
    do {
        digits[--i] = '0' + value % 10;
        value /= 10;
    } while (value);
    return put_text(put_text(at, name), digits + i);
}

static void report(struct workload *w, const char *what, uint32_t page)
{
    char line[LINE_SIZE];

    if (w->broken++ < REPORTED) {
        put_text(put_number(put_text(line, what), " ", page), "\n");
        platform_write(line);
    }
}

static uint32_t pages_in_use(const struct workload *w)
{
    return GROWING + w->grown;
}

static void check_next_page(struct workload *w)
{
    uint32_t page = w->checked++;

    if (sum_of_page(w, page) != w->sums[page])
        report(w, "workload: BROKEN page", page);
    if (w->checked < pages_in_use(w))
        return;

    uint32_t total = 0;
    for (uint32_t i = 0; i < PAGES; i++)
        total += w->sums[i] * weight(i);
    if (total != w->total)
        report(w, "workload: BROKEN table, pass", w->passes);
    w->checked = 0;
    w->passes++;
}

static void grow(struct workload *w)
{
    if (pages_in_use(w) == PAGES) {
        for (uint32_t page = GROWING; page < PAGES; page++)
            set_sum(w, page, 0);
        w->grown = 0;
        if (w->checked > GROWING)
            w->checked = GROWING;
    }
    fill_page(w, GROWING + w->grown++, w->step);
}

static void do_step(struct workload *w)
{
    uint32_t step = ++w->step;

    write_word(w, HOT, step % WORDS, step);
    for (int i = 0; i < SCATTERED_A_STEP; i++) {
        w->random = w->random * 1664525 + 1013904223;
        write_word(w, SCATTERED + (w->random >> 8) % (ALIKE - SCATTERED),
                   step % WORDS, w->random);
    }
    fill_page(w, ALIKE + step % (DIFFERENT - ALIKE), step);
    uint32_t clock = step ^ platform_clock();
    // Multiplied, because a clock's lowest bits may never change.
    fill_page(w, DIFFERENT + (clock * 2654435761u >> 16) %
                                 (GROWING - DIFFERENT), clock);
    grow(w);
}

void workload_init(struct workload *w, uint32_t (*memory)[WORDS],
                   uint32_t *sums)
{
    *w = (struct workload){ .memory = memory, .sums = sums };
    for (uint32_t page = 0; page < PAGES; page++)
        sums[page] = 0;
    for (uint32_t page = 0; page < GROWING; page++)
        fill_page(w, page, page);
}

void workload_tick(struct workload *w)
{
    for (int i = 0; i < STEPS_PER_TICK; i++) {
        if (!w->idle)
            do_step(w);
        for (int j = 0; j < CHECKED_A_STEP; j++)
            check_next_page(w);
    }
}

void workload_status(const struct workload *w, uint32_t seconds,
                     char line[LINE_SIZE])
{
    char *at = put_number(line, "workload: seconds=", seconds);

    at = put_number(at, " step=", w->step);
    at = put_number(at, " pages=", pages_in_use(w));
    at = put_number(at, " passes=", w->passes);
    at = put_number(at, " sum=", w->total);
    put_text(at, w->broken ? " BROKEN\n" : " ok\n");
}

int workload_input(struct workload *w, char c)
{
    if (c == 'b')
        w->memory[ALIKE][7] ^= 1u << 13;
    else if (c == 'i' || c == 'g')
        w->idle = c == 'i';
    else
        return 0;
    return 1;
}
