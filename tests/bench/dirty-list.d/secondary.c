#include "xg_sr_restore.c"

#include "side.h"

size_t octets_written;

size_t secondary(void *bitmap, unsigned long nr_pfns)
{
    static struct xc_interface_core xch;
    struct xc_sr_context ctx = { .xch = &xch };

#ifdef HAVE_DIRTY_PFNS
    static struct xc_sr_dirty_pfns dirty_pfns;

    ctx.restore.dirty_pfns = &dirty_pfns;   /* as setup() does, once */
#endif
    ctx.restore.p2m_size = nr_pfns;
    ctx.restore.dirty_bitmap_hbuf.hbuf = bitmap;
    octets_written = 0;
    return send_checkpoint_dirty_pfn_list(&ctx) ? 0 : octets_written;
}
