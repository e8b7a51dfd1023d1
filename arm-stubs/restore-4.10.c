/* No migration here: xc_domain_restore() of Xen 4.10 to 4.13. */

#include <errno.h>

#include "xen_headers.h"

int xc_domain_restore(xc_interface *xch, int io_fd, uint32_t dom,
                      unsigned int store_evtchn, unsigned long *store_mfn,
                      uint32_t store_domid, unsigned int console_evtchn,
                      unsigned long *console_mfn, uint32_t console_domid,
                      unsigned int hvm, unsigned int pae,
                      xc_migration_stream_t stream_type,
                      struct restore_callbacks *callbacks, int send_back_fd)
{
    errno = ENOSYS;
    return -1;
}
