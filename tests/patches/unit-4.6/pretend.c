#include "pretend.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xc_sr_common.h"

struct guest guest;
struct xc_interface_core pretend_xen;
char last_error[256];
int writes;

void guest_is(unsigned long nr_pfns)
{
    free(guest.dirty);
    guest = (struct guest){ .dirty = calloc(1, 1), .room = 1 };
    guest_becomes(nr_pfns);
    last_error[0] = 0;
}

void guest_becomes(unsigned long nr_pfns)
{
    if (nr_pfns > guest.room) {
        guest.dirty = realloc(guest.dirty, nr_pfns);
        memset(guest.dirty + guest.room, 0, nr_pfns - guest.room);
        guest.room = nr_pfns;
    }
    guest.nr_pfns = nr_pfns;
}

/* ---- what libxc asks of the hypervisor ---------------------------------- */

int xc_domain_getinfo(xc_interface *xch, uint32_t first, unsigned int max,
                      xc_dominfo_t *info)
{
    *info = (xc_dominfo_t){
        .domid = first,
        .hvm = !guest.pv,
        .shutdown = 1,
        .shutdown_reason = SHUTDOWN_suspend,
    };
    return 1;
}

int xc_domain_nr_gpfns(xc_interface *xch, domid_t domid, xen_pfn_t *gpfns)
{
    if (!guest.nr_pfns) {
        errno = ESRCH;
        return -1;
    }
    *gpfns = guest.nr_pfns;
    return 0;
}

/*
 * CLEAN copies bits of whole bytes, as Xen does. To show who looks behind the
 * end, it sets each bit there up to the end of the buffer's last page.
 */
int xc_shadow_control(xc_interface *xch, uint32_t domid, unsigned int sop,
                      xc_hypercall_buffer_t *bitmap, unsigned long pages,
                      unsigned long *mb, uint32_t mode,
                      xc_shadow_op_stats_t *stats)
{
    xc_hypercall_buffer_t *buffer;
    unsigned long i, end = (pages + 32767) & ~32767UL, count = 0;
    uint8_t *to;

    if (sop != XEN_DOMCTL_SHADOW_OP_CLEAN)
        return 0;
    if (guest.clean_fails) {
        errno = EINVAL;
        return -1;
    }

    buffer = bitmap->param_shadow ? bitmap->param_shadow : bitmap;
    to = buffer->hbuf;
    memset(to, 0, end / 8);
    for (i = 0; i < end; i++) {
        bool dirty = i >= pages || (i < guest.nr_pfns && guest.dirty[i]);

        to[i / 8] |= dirty << i % 8;
        count += dirty && i < pages;
    }
    memset(guest.dirty, 0, guest.room);
    if (stats)
        stats->dirty_count = count;
    return pages;
}

void *xc__hypercall_buffer_alloc_pages(xc_interface *xch,
                                       xc_hypercall_buffer_t *b, int nr_pages)
{
    if (guest.no_memory)
        return NULL;
    return b->hbuf = calloc(nr_pages, PAGE_SIZE);
}

void xc__hypercall_buffer_free_pages(xc_interface *xch,
                                     xc_hypercall_buffer_t *b, int nr_pages)
{
    free(b->hbuf);
}

/* No page has contents, so only pfns are sent, and none is ever mapped. */
int xc_get_pfn_type_batch(xc_interface *xch, uint32_t domid, unsigned int num,
                          xen_pfn_t *types)
{
    while (num--)
        types[num] = XEN_DOMCTL_PFINFO_XTAB;
    return 0;
}

void *xc_map_foreign_bulk(xc_interface *xch, uint32_t domid, int prot,
                          const xen_pfn_t *pfns, int *err, unsigned int num)
{
    abort();
}

int xc_domain_populate_physmap_exact(xc_interface *xch, uint32_t domid,
                                     unsigned long nr, unsigned int order,
                                     unsigned int flags, xen_pfn_t *start)
{
    abort();
}

int xc_version(xc_interface *xch, int cmd, void *arg)
{
    return 4 << 16 | 6;
}

/* ---- what it asks of the kind of guest ---------------------------------- */

static int nothing_to_do(struct xc_sr_context *ctx)
{
    return 0;
}

static int complete(struct xc_sr_context *ctx)
{
    guest.completed++;
    return 0;
}

static xen_pfn_t same(const struct xc_sr_context *ctx, xen_pfn_t pfn)
{
    return pfn;
}

struct xc_sr_save_ops save_ops_x86_pv, save_ops_x86_hvm = {
    .pfn_to_gfn = same,
    .setup = nothing_to_do,
    .start_of_stream = nothing_to_do,
    .start_of_checkpoint = nothing_to_do,
    .end_of_checkpoint = nothing_to_do,
    .cleanup = nothing_to_do,
};

struct xc_sr_restore_ops restore_ops_x86_pv, restore_ops_x86_hvm = {
    .setup = nothing_to_do,
    .stream_complete = complete,
    .cleanup = nothing_to_do,
};

/* ---- the rest of libxc -------------------------------------------------- */

void xc_report_error(xc_interface *xch, int code, const char *format, ...)
{
    int saved = errno;
    va_list args;

    /* the first says what it was, the next ones who noticed */
    if (!last_error[0]) {
        va_start(args, format);
        vsnprintf(last_error, sizeof(last_error), format, args);
        va_end(args);
    }
    errno = saved;
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
    ssize_t r;

    for (; done < size; done += r) {
        r = read(fd, (char *)data + done, size - done);
        if (r <= 0)
            return -1;
    }
    return 0;
}

static int write_all(int fd, const void *data, size_t size)
{
    size_t done = 0;
    ssize_t r;

    for (; done < size; done += r) {
        r = write(fd, (const char *)data + done, size - done);
        if (r <= 0)
            return -1;
    }
    return 0;
}

int write_exact(int fd, const void *data, size_t size)
{
    writes++;
    return write_all(fd, data, size);
}

int writev_exact(int fd, const struct iovec *iov, int iovcnt)
{
    int i;

    writes++;
    for (i = 0; i < iovcnt; i++)
        if (write_all(fd, iov[i].iov_base, iov[i].iov_len))
            return -1;
    return 0;
}

/* ---- bytes and far ends ------------------------------------------------ */

void append(struct bytes *to, const void *data, size_t size)
{
    if (!size)
        return;
    to->data = realloc(to->data, to->size + size);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

void append_header(struct bytes *to, uint32_t type, uint32_t length)
{
    append(to, &type, sizeof(type));
    append(to, &length, sizeof(length));
}

void append_pfns(struct bytes *to, uint32_t type, const uint64_t *pfns,
                 size_t count)
{
    append_header(to, type, count * sizeof(*pfns));
    append(to, pfns, count * sizeof(*pfns));
}

uint32_t u32_at(const struct bytes *from, size_t offset)
{
    uint32_t value;

    assert(offset + sizeof(value) <= from->size);
    memcpy(&value, from->data + offset, sizeof(value));
    return value;
}

uint64_t u64_at(const struct bytes *from, size_t offset)
{
    uint64_t value;

    assert(offset + sizeof(value) <= from->size);
    memcpy(&value, from->data + offset, sizeof(value));
    return value;
}

/* Forks. In the child, ours = the pipe's end [0 or 1] that it keeps. */
static int begin(struct far_end *end, int theirs, int *ours)
{
    int fds[2];

    if (pipe(fds))
        abort();
    end->pid = fork();
    if (end->pid < 0)
        abort();
    *ours = fds[!theirs];
    close(fds[end->pid ? !theirs : theirs]);
    return fds[theirs];
}

static void finish(struct far_end *end)
{
    if (waitpid(end->pid, NULL, 0) != end->pid)
        abort();
}

int feed(struct far_end *end, const struct bytes *bytes)
{
    int ours, theirs = begin(end, 0, &ours);

    if (!end->pid) {
        /* fails when the reader has refused the beginning and closed */
        write_all(ours, bytes->data, bytes->size);
        _exit(0);
    }
    return theirs;
}

void fed(struct far_end *end)
{
    finish(end);
}

int collect(struct far_end *end)
{
    int ours, theirs;

    end->file = memfd_create("collected", 0);
    theirs = begin(end, 1, &ours);
    if (!end->pid) {
        static char buffer[1 << 16];
        ssize_t r;

        while ((r = read(ours, buffer, sizeof(buffer))) > 0)
            if (write_all(end->file, buffer, r))
                _exit(1);
        _exit(0);
    }
    return theirs;
}

struct bytes collected(struct far_end *end)
{
    struct bytes bytes = { 0 };

    finish(end);
    bytes.size = lseek(end->file, 0, SEEK_END);
    bytes.data = malloc(bytes.size + 1);
    lseek(end->file, 0, SEEK_SET);
    if (read_exact(end->file, bytes.data, bytes.size))
        abort();
    close(end->file);
    return bytes;
}

int open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}
