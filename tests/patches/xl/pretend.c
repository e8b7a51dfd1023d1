/*
 * As much of libxl as xl's main() needs to reach a command, on a machine
 * without Xen. Nothing is configured. Whatever else xl is linked with is made
 * by run, and does nothing.
 */

#include <errno.h>
#include <stddef.h>

static int object;

void *xtl_createlogger_stdiostream(void *file, int level, unsigned int flags)
{
    return &object;
}

void *xlu_cfg_init(void *report, const char *source)
{
    return &object;
}

int libxl_read_file_contents(void *ctx, const char *filename, void **data,
                             int *size)
{
    errno = ENOENT;
    return ENOENT;
}

int xlu_cfg_get_bounded_long(const void *config, const char *name, long min,
                             long max, long *value, int quiet)
{
    return ESRCH;
}

int xlu_cfg_get_defbool(const void *config, const char *name, void *value,
                        int quiet)
{
    return ESRCH;
}

int xlu_cfg_get_long(const void *config, const char *name, long *value,
                     int quiet)
{
    return ESRCH;
}

int xlu_cfg_get_string(const void *config, const char *name,
                       const char **value, int quiet)
{
    return ESRCH;
}

int xlu_cfg_replace_string(const void *config, const char *name, char **value,
                           int quiet)
{
    return ESRCH;
}
