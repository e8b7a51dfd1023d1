/*
 * The secondary's end, around the tree's own file. What is tested in there is
 * static, and is entered where a CHECKPOINT record does: the bitmap's size is
 * as much in question as the list.
 */
#include "xg_sr_restore.c"

#include "pretend.h"

static struct xc_interface_core xch_secondary;
static struct xc_sr_context secondary;

static int ok(void *data)
{
    return 1;
}

static int suspended(void *data)
{
    guest.suspends++;
    return 1;
}

static int checkpoint_arrived(void *data)
{
    return XGR_CHECKPOINT_SUCCESS;
}

static void results(xen_pfn_t store, xen_pfn_t console, void *data)
{
}

static struct restore_callbacks secondary_callbacks = {
    .suspend = suspended,
    .postcopy = ok,
    .checkpoint = checkpoint_arrived,
    .wait_checkpoint = ok,
    .restore_results = results,
};

static int nothing_to_do(struct xc_sr_context *ctx)
{
    return 0;
}

void secondary_start(int send_back_fd)
{
    xen_pfn_t nr_pfns;

    memset(&secondary, 0, sizeof(secondary));
    secondary.xch = &xch_secondary;
    secondary.stream_type = XC_STREAM_COLO;
    secondary.fd = -1;
    secondary.restore.callbacks = &secondary_callbacks;
    secondary.restore.send_back_fd = send_back_fd;
    secondary.restore.ops.setup = nothing_to_do;
    secondary.restore.ops.stream_complete = nothing_to_do;
    secondary.restore.ops.cleanup = nothing_to_do;

    /* As xc_domain_restore() does. */
    xc_domain_nr_gpfns(&xch_secondary, 0, &nr_pfns);
    secondary.restore.p2m_size = nr_pfns;

    if ( setup(&secondary) )
        abort();
}

int secondary_checkpoint(void)
{
    return handle_checkpoint(&secondary);
}

void secondary_end(void)
{
    cleanup(&secondary);
}
