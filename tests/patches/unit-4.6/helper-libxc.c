/*
 * The libxc of a libxl-save-helper under test. Reports what it was called with
 * on fd 3, one line a call, and does no more than use the back channel.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "xenctrl.h"
#include "xenguest.h"

static void report(const char *line)
{
    if (write(3, line, strlen(line)) < 0)
        _exit(1);
}

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild_logger,
                                unsigned open_flags)
{
    return (xc_interface *)&errno;
}

int xc_interface_close(xc_interface *xch)
{
    return 0;
}

void xtl_log(struct xentoollog_logger *logger, xentoollog_level level,
             int errnoval, const char *context, const char *format, ...)
{
}

void xtl_logv(struct xentoollog_logger *logger, xentoollog_level level,
              int errnoval, const char *context, const char *format,
              va_list al)
{
}

/* Waits in the back channel as read_exact() does, whatever interrupts it. */
int xc_domain_save(xc_interface *xch, int io_fd, uint32_t dom,
                   uint32_t max_iters, uint32_t max_factor, uint32_t flags,
                   struct save_callbacks *callbacks, int hvm,
                   xc_migration_stream_t stream_type, int recv_fd)
{
    char line[100], c;
    ssize_t r;

    snprintf(line, sizeof(line), "save %d %u %u %d %d %d\n", io_fd, dom, flags,
             hvm, stream_type, recv_fd);
    report(line);
    if (recv_fd < 0)
        return 0;
    do
        r = read(recv_fd, &c, 1);
    while (r < 0 && errno == EINTR);
    report(r ? "more\n" : "end of file\n");
    errno = EIO;
    return -1;
}

int xc_domain_restore(xc_interface *xch, int io_fd, uint32_t dom,
                      unsigned int store_evtchn, unsigned long *store_mfn,
                      domid_t store_domid, unsigned int console_evtchn,
                      unsigned long *console_mfn, domid_t console_domid,
                      unsigned int hvm, unsigned int pae, int superpages,
                      xc_migration_stream_t stream_type,
                      struct restore_callbacks *callbacks, int send_back_fd)
{
    char line[100];

    snprintf(line, sizeof(line), "restore %d %u %u %d %d\n", io_fd, dom, hvm,
             stream_type, send_back_fd);
    report(line);
    return 0;
}
