/*
 * A program against libxl's public API of Xen 4.6: compiled with each
 * LIBXL_API_VERSION and with none, as before the patches, and with the
 * addition where the header says that it is there.
 */

#include <libxl.h>

int restore(libxl_ctx *ctx, libxl_domain_config *config, uint32_t *domid);

int restore(libxl_ctx *ctx, libxl_domain_config *config, uint32_t *domid)
{
#if defined(LIBXL_API_VERSION) && LIBXL_API_VERSION < 0x040400
    return libxl_domain_create_restore(ctx, config, domid, 0, NULL, NULL);
#else
    const libxl_domain_restore_params params = { .checkpointed_stream = 1 };

    return libxl_domain_create_restore(ctx, config, domid, 0, &params, NULL,
                                       NULL);
#endif
}

#ifdef LIBXL_HAVE_DOMAIN_CREATE_RESTORE_BACK_CHANNEL
int restore_back(libxl_ctx *ctx, libxl_domain_config *config, uint32_t *domid,
                 const libxl_domain_restore_params *params);

int restore_back(libxl_ctx *ctx, libxl_domain_config *config, uint32_t *domid,
                 const libxl_domain_restore_params *params)
{
    return libxl_domain_create_restore_back_channel(ctx, config, domid, 0, -1,
                                                    params, NULL, NULL);
}
#endif
