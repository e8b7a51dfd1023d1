/*
 * run has renamed the tree's write_batch(), which maps and sends pages: that
 * is a checkpoint's main work, but neither scan nor merge.
 */
struct xc_sr_context;
static int write_batch(struct xc_sr_context *ctx);

#include "xg_sr_save.c"

#include "side.h"

static size_t pfns_batched;
const uint8_t *records_at, *records_end;

static int write_batch(struct xc_sr_context *ctx)
{
    pfns_batched += ctx->save.nr_batch_pfns;
    ctx->save.nr_batch_pfns = 0;
    return 0;
}

static int suspended(void *data)
{
    return 1;
}

static int nothing_to_do(struct xc_sr_context *ctx)
{
    return 0;
}

size_t primary(void *bitmap, unsigned long nr_pfns, const void *records,
               size_t size)
{
    static struct xc_interface_core xch;
    static struct save_callbacks callbacks = { .suspend = suspended };
    static unsigned long *deferred;
    static unsigned long deferred_pfns;
    static xen_pfn_t batch[MAX_BATCH_SIZE];
    struct xc_sr_context ctx = {
        .xch = &xch,
        .stream_type = XC_STREAM_COLO,
    };

    if ( deferred_pfns != nr_pfns )
    {
        free(deferred);
        deferred = bitmap_alloc(nr_pfns);
        memset(deferred, 0, bitmap_size(nr_pfns));
        deferred_pfns = nr_pfns;
    }

    records_at = records;
    records_end = records_at + size;
    pfns_batched = 0;
    ctx.save.callbacks = &callbacks;
    ctx.save.ops.check_vm_state = nothing_to_do;
    ctx.save.p2m_size = nr_pfns;
    ctx.save.batch_pfns = batch;
    ctx.save.deferred_pages = deferred;
    ctx.save.dirty_bitmap_hbuf.hbuf = bitmap;
    return suspend_and_send_dirty(&ctx) ? 0 : pfns_batched;
}
