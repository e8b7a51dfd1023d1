/*
 * The primary's end, around the tree's own file: the whole of a checkpoint's
 * memory, from the suspended guest to PAGE_DATA records on the stream.
 */
#include "xg_sr_save.c"

#include "pretend.h"

static struct xc_interface_core xch_primary;

static int suspended(void *data)
{
    guest.suspends++;
    return 1;
}

static struct save_callbacks primary_callbacks = {
    .suspend = suspended,
};

static int nothing_to_do(struct xc_sr_context *ctx)
{
    return 0;
}

static xen_pfn_t same_gfn(const struct xc_sr_context *ctx, xen_pfn_t pfn)
{
    return pfn;
}

int primary_checkpoint(int recv_fd, int out_fd)
{
    struct xc_sr_context ctx = {
        .xch = &xch_primary,
        .stream_type = XC_STREAM_COLO,
        .fd = out_fd,
    };
    int rc, error;

    ctx.save.callbacks = &primary_callbacks;
    ctx.save.recv_fd = recv_fd;
    ctx.save.p2m_size = guest.nr_pfns;
    ctx.save.ops.setup = nothing_to_do;
    ctx.save.ops.cleanup = nothing_to_do;
    ctx.save.ops.check_vm_state = nothing_to_do;
    ctx.save.ops.pfn_to_gfn = same_gfn;

    if ( setup(&ctx) )
        abort();
    errno = 0;
    rc = suspend_and_send_dirty(&ctx);
    error = errno;
    cleanup(&ctx);
    errno = error;
    return rc;
}
