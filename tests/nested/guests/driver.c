#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "driver.h"

int load_driver(const char *path)
{
    int module = open(path, O_RDONLY | O_CLOEXEC);
    int r = module < 0 ? -1 : syscall(SYS_finit_module, module, "", 0);

    if (module >= 0)
        close(module);
    return r;
}
