#include "xen/domain_watch.h"

#include <cerrno>

#include "base/errors.h"

namespace xl_colo {

Result<std::unique_ptr<DomainWatch>> XenstoreWatch::on_domains()
{
    XenstoreHandle xs(xs_open(0));
    if (!xs) {
        return io_error("cannot connect to xenstored", errno);
    }
    // It fires for a suspend too: that is a shutdown with a reason.
    if (!xs_watch(xs.get(), "@releaseDomain", "xl-colo")) {
        return io_error("cannot watch for domains that end", errno);
    }
    return std::unique_ptr<DomainWatch>(new XenstoreWatch(std::move(xs)));
}

void XenstoreWatch::drain()
{
    // What it says is the same every time.
    while (Malloced<char*>(xs_check_watch(xs_.get()))) {
    }
}

}  // namespace xl_colo
