// The program's own page mover over Debian's libxenguest, with a test at each
// of libxc's callbacks.
#pragma once

#include "migration/page_mover.h"
#include "model_domain.h"

namespace xl_colo::model {

// Callbacks go by `pass` before ("save.suspend") and after
// ("save.suspend.done") they reach the session; an error before one ends the
// save or restore there.
class ModelMover : public XenPageMover {
public:
    ModelMover(std::shared_ptr<Access> access, const Pass& pass)
        : XenPageMover(std::move(access)), pass_(pass)
    {
    }

    Status save(Domid domid, UniqueFd io, UniqueFd back,
                SaveCallbacks& callbacks) override;
    Status restore(Incoming& incoming, UniqueFd io, UniqueFd back, Pages gfns,
                   bool reserve_gfns, RestoreCallbacks& callbacks) override;

private:
    const Pass& pass_;
};

}  // namespace xl_colo::model
