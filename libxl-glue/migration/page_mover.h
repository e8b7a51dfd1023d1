// libxc's page mover with our callbacks. save() is in save.cc, restore() in
// restore.cc.
#pragma once

#include <memory>

#include "hypervisor/page_mover.h"
#include "xen/access.h"

namespace xl_colo {

class XenPageMover : public PageMover {
public:
    explicit XenPageMover(std::shared_ptr<Access> access)
        : access_(std::move(access))
    {
    }

    Status save(Domid domid, UniqueFd io, UniqueFd back,
                SaveCallbacks& callbacks) override;
    Status restore(Incoming& incoming, UniqueFd io, UniqueFd back, Pages gfns,
                   bool reserve_gfns, RestoreCallbacks& callbacks) override;
    bool takes_dirty_list_parts() const override;

private:
    std::shared_ptr<Access> access_;
};

// A libxenctrl handle with a log of its own, which can be told that a failure
// is wanted.
struct LoggedXc {
    explicit LoggedXc(Log& log)
        : logger(log),
          xc(xc_interface_open(logger.get(), logger.get(), 0))
    {
    }

    LogAdapter logger;
    XcHandle xc;
};

}  // namespace xl_colo
