/* No migration here: xc_domain_save() of Xen 4.6, with the patches of this project, to 4.9. */

#include <errno.h>

#include "xen_headers.h"

int xc_domain_save(xc_interface *xch, int io_fd, uint32_t dom,
                   uint32_t max_iters, uint32_t max_factor, uint32_t flags,
                   struct save_callbacks *callbacks, int hvm,
                   xc_migration_stream_t stream_type, int recv_fd)
{
    errno = ENOSYS;
    return -1;
}
