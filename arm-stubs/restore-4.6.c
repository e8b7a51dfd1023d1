/* No migration here: xc_domain_restore() of Xen 4.6, with the patches of this project, to 4.9. */

#include <errno.h>

#include "xen_headers.h"

int xc_domain_restore(xc_interface *xch, int io_fd, uint32_t dom,
                      unsigned int store_evtchn, unsigned long *store_mfn,
                      domid_t store_domid, unsigned int console_evtchn,
                      unsigned long *console_mfn, domid_t console_domid,
                      unsigned int hvm, unsigned int pae, int superpages,
                      xc_migration_stream_t stream_type,
                      struct restore_callbacks *callbacks, int send_back_fd)
{
    errno = ENOSYS;
    return -1;
}
