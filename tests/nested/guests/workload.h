// What both test guests do: dirty memory in several ways, and notice when
// any of it is not what was written.
//
// Every page in use has a checksum in a table, kept up to date by whoever
// writes the page, and the table has one in the state. A stale page does not
// match the table; a stale page with its stale part of the table does not
// match the state. The checker walks round all pages without end.

#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <stdint.h>

#ifndef PAGES
#define PAGES 2048 // 8 MiB
#endif
#ifndef RATE
#define RATE 100 // steps a second
#endif

enum {
    WORDS = 1024, // a page, in words of 4 bytes
    TICKS_PER_SECOND = 50,
    STEPS_PER_TICK = RATE / TICKS_PER_SECOND,
    LINE_SIZE = 128,
};

struct workload {
    uint32_t (*memory)[WORDS]; // PAGES pages
    uint32_t *sums;            // one a page
    uint32_t total;            // over sums
    uint32_t step;
    uint32_t random;
    uint32_t grown;            // pages of the growing area in use
    uint32_t checked;          // next page to check
    uint32_t passes;           // over all pages
    uint32_t broken;           // pages found wrong
    int idle;                  // only check, write nothing
};

// `memory` and `sums` may hold anything.
void workload_init(struct workload *w, uint32_t (*memory)[WORDS],
                   uint32_t *sums);

// What is due in 1/TICKS_PER_SECOND. Reports each broken page.
void workload_tick(struct workload *w);

// Writes the line of this second: zero-ended, with a newline.
void workload_status(const struct workload *w, uint32_t seconds,
                     char line[LINE_SIZE]);

// One character of input. True: it was for the workload ('b' breaks a page,
// 'i' stops the writing, 'g' goes on). False: it is for the platform ('p'
// powers off, 'r' reboots, 'c' crashes).
int workload_input(struct workload *w, char c);

// ---- what the platform provides ----

void platform_write(const char *line);
uint32_t platform_clock(void); // differs between two copies of the guest

#endif
