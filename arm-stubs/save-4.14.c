/* No migration here: xc_domain_save() of Xen 4.14 and later. */

#include <errno.h>

#include "xen_headers.h"

int xc_domain_save(xc_interface *xch, int io_fd, uint32_t dom,
                   uint32_t flags, struct save_callbacks *callbacks,
                   xc_stream_type_t stream_type, int recv_fd)
{
    errno = ENOSYS;
    return -1;
}
