/*
 * A pretend hypervisor and domain, for libxenguest's checkpoint code.
 *
 * The code under test asks how large the guest is, takes its log-dirty bitmap
 * and reports errors; it gets its answers from this one guest. Anything else
 * that it might call ends the test: see run, which makes those functions.
 */

#ifndef PRETEND_H
#define PRETEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pretend_guest {
    unsigned long nr_pfns;      /* the highest one and one more */
    uint8_t *dirty;             /* a bit each; taken by the next CLEAN */
    uint8_t *mapped;            /* a bit each; dirty in each FINAL bitmap */
    bool logdirty_fails;
    unsigned int suspends;      /* calls of the suspend callbacks */
    unsigned int writes;        /* calls of write_exact(), writev_exact() */
};

extern struct pretend_guest guest;

/* A guest of that size with no page dirty; frees the one before. */
void guest_is(unsigned long nr_pfns);

/* As above, but dirty pages stay dirty. */
void guest_grows(unsigned long nr_pfns);

void guest_dirties(unsigned long pfn);
void guest_dirties_all(void);

/* Xen keeps the frame mapped, as it does a viridian assist page. */
void guest_has_mapped(unsigned long pfn);

/* What the code under test has reported, of each layer; "" if nothing. */
extern char pretend_errors[1024];

/*
 * All that is written to fd, read by a thread of its own, as a pipe holds only
 * 64 KiB. reader_end() closes nothing: the writer closes its end first.
 */
struct reader;
struct reader *reader_start(int fd);
uint8_t *reader_end(struct reader *reader, size_t *size);

/* Writes the bytes to fd and closes it, from a thread of its own. */
struct writer;
struct writer *writer_start(int fd, const void *data, size_t size);
void writer_end(struct writer *writer);

/* ---- the two ends, each compiled around one file of the tree ------------ */

/* The secondary. Its guest may grow between start and checkpoint. */
void secondary_start(int send_back_fd);
/*
 * One checkpoint, up to the dirty list. 0, SECONDARY_FAILOVER if the primary is
 * gone, or another number if it failed.
 */
enum { SECONDARY_FAILOVER = 2 };
int secondary_checkpoint(void);
void secondary_end(void);

/*
 * The primary, suspended for a checkpoint: takes the guest's dirty pages, and
 * the secondary's from recv_fd; the PAGE_DATA records go to out_fd. If that
 * fails, errno is what xc_domain_save() would return.
 */
int primary_checkpoint(int recv_fd, int out_fd);

#endif
