/*
 * A pretend hypervisor with one HVM guest in it, for the checkpoint code of
 * Xen 4.6's libxc: xc_domain_save() and xc_domain_restore() are run whole, as
 * a program calls them. They find their guest here.
 */

#ifndef PRETEND_H
#define PRETEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAGE_DATA = 0x01,
    CHECKPOINT = 0x0e,
    LIST = 0x0f,
    PART = 0x13,
    RECORD_PFNS = (8 << 20) / 8,    /* in REC_LENGTH_MAX of 4.6 */
};

struct guest {
    bool pv;
    unsigned long nr_pfns;          /* highest one plus one; 0: cannot say */
    uint8_t *dirty;                 /* a byte a pfn; CLEAN takes them */
    size_t room;                    /* pfns that dirty has room for */
    bool clean_fails, no_memory;
    int completed;                  /* calls of stream_complete() */
};
extern struct guest guest;

struct xc_interface_core;
extern struct xc_interface_core pretend_xen;

/* A guest of this size, nothing dirty. */
void guest_is(unsigned long nr_pfns);
/* The same one, of another size from now on. */
void guest_becomes(unsigned long nr_pfns);

/* The last error message of the code under test, "" for none. */
extern char last_error[256];

/* Calls of write_exact() and writev_exact() in this process. */
extern int writes;

/* Bytes that belong to the caller. */
struct bytes {
    uint8_t *data;
    size_t size;
};
void append(struct bytes *to, const void *data, size_t size);
/* A record that says to have `length` bytes of body; and one that has. */
void append_header(struct bytes *to, uint32_t type, uint32_t length);
void append_pfns(struct bytes *to, uint32_t type, const uint64_t *pfns,
                 size_t count);
uint32_t u32_at(const struct bytes *from, size_t offset);
uint64_t u64_at(const struct bytes *from, size_t offset);

/*
 * The far end of a pipe, a process of its own since a pipe holds 64 KiB only.
 * feed() gives an fd from which the bytes can be read, collect() one to write
 * to. Both fds are the caller's to close, before collected() or fed().
 */
struct far_end {
    int pid;
    int file;
};
int feed(struct far_end *end, const struct bytes *bytes);
void fed(struct far_end *end);
int collect(struct far_end *end);
struct bytes collected(struct far_end *end);

int open_fds(void);

#endif
