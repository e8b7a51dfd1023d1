#include "pretend.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xc_private.h"

/* ---- the guest ---------------------------------------------------------- */

struct pretend_guest guest;

static size_t bytes(unsigned long bits)
{
    return (bits + 7) / 8;
}

void guest_is(unsigned long nr_pfns)
{
    free(guest.dirty);
    free(guest.mapped);
    guest = (struct pretend_guest){
        .nr_pfns = nr_pfns,
        .dirty = calloc(bytes(nr_pfns), 1),
        .mapped = calloc(bytes(nr_pfns), 1),
    };
    pretend_errors[0] = 0;
}

void guest_grows(unsigned long nr_pfns)
{
    size_t old = bytes(guest.nr_pfns), new = bytes(nr_pfns);

    guest.dirty = realloc(guest.dirty, new);
    memset(guest.dirty + old, 0, new - old);
    guest.mapped = realloc(guest.mapped, new);
    memset(guest.mapped + old, 0, new - old);
    guest.nr_pfns = nr_pfns;
}

void guest_dirties(unsigned long pfn)
{
    assert(pfn < guest.nr_pfns);
    guest.dirty[pfn / 8] |= 1 << pfn % 8;
}

void guest_has_mapped(unsigned long pfn)
{
    assert(pfn < guest.nr_pfns);
    guest.mapped[pfn / 8] |= 1 << pfn % 8;
}

void guest_dirties_all(void)
{
    memset(guest.dirty, 0xff, bytes(guest.nr_pfns));
}

/* ---- hypercalls --------------------------------------------------------- */

int xc_domain_nr_gpfns(xc_interface *xch, uint32_t domid, xen_pfn_t *gpfns)
{
    *gpfns = guest.nr_pfns;
    return 0;
}

/*
 * Like Xen, copies whole bytes. Unlike it, sets all bits behind the end that
 * there is memory for: nobody may count on what they are.
 */
long long xc_logdirty_control(xc_interface *xch, uint32_t domid,
                              unsigned int sop, xc_hypercall_buffer_t *buffer,
                              unsigned long pages, unsigned int mode,
                              xc_shadow_op_stats_t *stats)
{
    uint8_t *to = buffer->hbuf;
    unsigned long have = pages < guest.nr_pfns ? pages : guest.nr_pfns;
    unsigned long bit;

    assert(sop == XEN_DOMCTL_SHADOW_OP_CLEAN);
    if (guest.logdirty_fails) {
        errno = EINVAL;
        return -1;
    }

    if (mode & XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL)
        for (bit = 0; bit < bytes(guest.nr_pfns); bit++)
            guest.dirty[bit] |= guest.mapped[bit];

    memcpy(to, guest.dirty, bytes(have));
    for (bit = have; bit < pages; bit++)
        to[bit / 8] &= ~(1 << bit % 8);
    for (; bit % 4096; bit++)
        to[bit / 8] |= 1 << bit % 8;

    memset(guest.dirty, 0, bytes(guest.nr_pfns));
    return pages;
}

int xc_shadow_control(xc_interface *xch, uint32_t domid, unsigned int sop,
                      unsigned int *mb, unsigned int mode)
{
    return 0;
}

/* No page has contents, so that only pfns are sent and nothing is mapped. */
int xc_get_pfn_type_batch(xc_interface *xch, uint32_t domid, unsigned int num,
                          xen_pfn_t *types)
{
    while (num--)
        types[num] = XEN_DOMCTL_PFINFO_XTAB;
    return 0;
}

/* Each buffer remembers its size, as the code under test has to. */
struct pages {
    void *start;
    int nr;
    struct pages *next;
};
static struct pages *all_pages;

void *xc__hypercall_buffer_alloc_pages(xc_interface *xch,
                                       xc_hypercall_buffer_t *b, int nr_pages)
{
    struct pages *pages = malloc(sizeof(*pages));
    void *start;

    assert(nr_pages > 0);
    start = aligned_alloc(4096, nr_pages * 4096UL);
    memset(start, 0xff, nr_pages * 4096UL);
    *pages = (struct pages){ start, nr_pages, all_pages };
    all_pages = pages;
    return b->hbuf = start;
}

void xc__hypercall_buffer_free_pages(xc_interface *xch,
                                     xc_hypercall_buffer_t *b, int nr_pages)
{
    struct pages **at = &all_pages, *found;

    if (!b->hbuf)
        return;
    while (*at && (*at)->start != b->hbuf)
        at = &(*at)->next;
    found = *at;
    assert(found && found->nr == nr_pages);
    *at = found->next;
    free(found->start);
    free(found);
}

/* ---- the rest of libxenctrl --------------------------------------------- */

char pretend_errors[1024];

void xc_report_error(xc_interface *xch, int code, const char *format, ...)
{
    size_t used = strlen(pretend_errors);
    va_list args;

    va_start(args, format);
    vsnprintf(pretend_errors + used, sizeof(pretend_errors) - used, format,
              args);
    va_end(args);
}

void xc_report(xc_interface *xch, xentoollog_logger *lg,
               xentoollog_level level, int code, const char *format, ...)
{
}

const char *xc_strerror(xc_interface *xch, int errcode)
{
    return strerror(errcode);
}

const char *xc_set_progress_prefix(xc_interface *xch, const char *doing)
{
    return NULL;
}

void xc_report_progress_single(xc_interface *xch, const char *doing)
{
}

void xc_report_progress_step(xc_interface *xch, unsigned long done,
                             unsigned long total)
{
}

int read_exact(int fd, void *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t r = read(fd, (char *)data + done, size - done);

        if (r <= 0) {
            if (r == 0)
                errno = 0;
            return -1;
        }
        done += r;
    }
    return 0;
}

static int write_all(int fd, const void *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t r = write(fd, (const char *)data + done, size - done);

        if (r <= 0)
            return -1;
        done += r;
    }
    return 0;
}

int write_exact(int fd, const void *data, size_t size)
{
    guest.writes++;
    return write_all(fd, data, size);
}

int writev_exact(int fd, WRITEV_CONST struct iovec *iov, int iovcnt)
{
    guest.writes++;
    for (; iovcnt; iov++, iovcnt--)
        if (write_all(fd, iov->iov_base, iov->iov_len))
            return -1;
    return 0;
}

/* ---- the far ends of pipes ---------------------------------------------- */

struct reader {
    pthread_t thread;
    int fd;
    uint8_t *data;
    size_t size, room;
};

static void *reader_run(void *arg)
{
    struct reader *reader = arg;
    ssize_t r;

    do {
        if (reader->room - reader->size < 1 << 16)
            reader->data = realloc(reader->data, reader->room =
                                   2 * reader->room + (1 << 16));
        r = read(reader->fd, reader->data + reader->size,
                 reader->room - reader->size);
        if (r > 0)
            reader->size += r;
    } while (r > 0);
    return NULL;
}

struct reader *reader_start(int fd)
{
    struct reader *reader = calloc(1, sizeof(*reader));

    reader->fd = fd;
    pthread_create(&reader->thread, NULL, reader_run, reader);
    return reader;
}

uint8_t *reader_end(struct reader *reader, size_t *size)
{
    uint8_t *data;

    pthread_join(reader->thread, NULL);
    data = reader->data;
    *size = reader->size;
    free(reader);
    return data;
}

struct writer {
    pthread_t thread;
    int fd;
    const void *data;
    size_t size;
};

static void *writer_run(void *arg)
{
    struct writer *writer = arg;

    /* fails when the code under test has refused the first part */
    write_all(writer->fd, writer->data, writer->size);
    close(writer->fd);
    return NULL;
}

struct writer *writer_start(int fd, const void *data, size_t size)
{
    struct writer *writer = calloc(1, sizeof(*writer));

    *writer = (struct writer){ .fd = fd, .data = data, .size = size };
    pthread_create(&writer->thread, NULL, writer_run, writer);
    return writer;
}

void writer_end(struct writer *writer)
{
    pthread_join(writer->thread, NULL);
    free(writer);
}
