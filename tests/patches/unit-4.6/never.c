/*
 * What libxl_save_callout.c calls once its helper runs. No test gets there.
 */

#include <stdlib.h>

#define NEVER(function)                         \
    void function(void);                        \
    void function(void)                         \
    {                                           \
        abort();                                \
    }

NEVER(libxl__ao_abortable_deregister)
NEVER(libxl__ev_fd_deregister)
NEVER(libxl__kill)
NEVER(libxl__srm_callout_received_restore)
NEVER(libxl__srm_callout_received_save)
NEVER(libxl__xc_domain_restore_done)
NEVER(libxl__xc_domain_save_done)
NEVER(libxl_read_exactly)
NEVER(libxl_report_child_exitstatus)
NEVER(libxl_write_exactly)
NEVER(xtl_log)
NEVER(xtl_progress)
