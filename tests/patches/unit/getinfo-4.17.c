/* The guest is suspended, to Xen up to 4.17. */
#include "xc_private.h"

int xc_domain_getinfo(xc_interface *xch, uint32_t first_domid,
                      unsigned int max_doms, xc_dominfo_t *info)
{
    *info = (xc_dominfo_t){
        .domid = first_domid,
        .shutdown = 1,
        .shutdown_reason = SHUTDOWN_suspend,
    };
    return 1;
}
