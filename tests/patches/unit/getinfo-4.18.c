/* The guest is suspended, to Xen 4.18 and later. */
#include "xc_private.h"

int xc_domain_getinfo_single(xc_interface *xch, uint32_t domid,
                             xc_domaininfo_t *info)
{
    *info = (xc_domaininfo_t){
        .domain = domid,
        .flags = XEN_DOMINF_shutdown |
                 SHUTDOWN_suspend << XEN_DOMINF_shutdownshift,
    };
    return 0;
}
