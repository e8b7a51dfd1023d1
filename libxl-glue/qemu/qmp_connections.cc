#include "qemu/qmp_connections.h"

// XEN_RUN_DIR as Xen was configured; every distribution that we know keeps it.
#ifndef XEN_RUN_DIR
#define XEN_RUN_DIR "/var/run/xen"
#endif

namespace xl_colo {

Result<Qmp*> QmpConnections::connection(Domid domid)
{
    auto& qmp = open_[domid];
    if (!qmp || !qmp->usable()) {
        // libxl opens qmp-libxl-<domid> for each of its own commands. The
        // second socket is for libxenstat, which shows no figures of emulated
        // disks while we hold it.
        auto made = Qmp::connect(XEN_RUN_DIR "/qmp-libxenstat-" +
                                 std::to_string(domid.value()));
        if (!made) {
            return made.error();
        }
        qmp = std::move(*made);
    }
    return qmp.get();
}

void QmpConnections::forget(Domid domid)
{
    std::lock_guard lock(mutex_);
    open_.erase(domid);
}

}  // namespace xl_colo
