// claim-pv DOMID: has Xen believe that the guest has PV drivers, which nobody
// will hear of; they would do the same (HVMOP_set_param).
#include <err.h>
#include <stdlib.h>

#include <xenctrl.h>
#include <xen/hvm/params.h>

int main(int argc, char **argv)
{
    // No event is bound, so it is never raised.
    const uint64_t vector =
        (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | 0xf3;
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);

    if (argc != 2 || !xc)
        errx(1, "usage: claim-pv DOMID, as root in domain 0");
    if (xc_hvm_param_set(xc, atoi(argv[1]), HVM_PARAM_CALLBACK_IRQ, vector))
        err(1, "HVM_PARAM_CALLBACK_IRQ");
    return xc_interface_close(xc);
}
