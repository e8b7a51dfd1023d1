/*
 * The rest of libxenctrl, at no cost: the bitmap is filled beforehand, what is
 * written is only counted, and what is read is copied from memory.
 */

#include <string.h>

#include "xg_sr_common.h"

extern size_t octets_written;
extern const uint8_t *records_at, *records_end;

/* Named by functions that are not called. */
struct xc_sr_save_ops save_ops_x86_pv, save_ops_x86_hvm;
struct xc_sr_restore_ops restore_ops_x86_pv, restore_ops_x86_hvm;

long long xc_logdirty_control(xc_interface *xch, uint32_t domid,
                              unsigned int sop, xc_hypercall_buffer_t *buffer,
                              unsigned long pages, unsigned int mode,
                              xc_shadow_op_stats_t *stats)
{
    return pages;
}

int write_exact(int fd, const void *data, size_t size)
{
    octets_written += size;
    return 0;
}

int writev_exact(int fd, const struct iovec *iov, int iovcnt)
{
    while (iovcnt--)
        octets_written += iov[iovcnt].iov_len;
    return 0;
}

int read_exact(int fd, void *data, size_t size)
{
    if (size > (size_t)(records_end - records_at))
        return -1;
    memcpy(data, records_at, size);
    records_at += size;
    return 0;
}

void xc_report_error(xc_interface *xch, int code, const char *format, ...)
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
