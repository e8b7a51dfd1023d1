// What a restore of the memory has to know of the domain that is being built,
// beyond what the sessions do. Each Incoming that a XenPageMover is given is
// one: both come from the same Host.
#pragma once

#include "hypervisor/page_mover.h"
#include "migration/callout.h"

namespace xl_colo {

class RestoreTarget : public Incoming {
public:
    // What libxl told its helper.
    virtual const CalloutArguments& arguments() const = 0;
    // For libxc's callback of that name: what whoever builds the domain
    // answers, 0 when it can make up for what an old stream lacks.
    virtual Result<int> static_data_done(unsigned missing) = 0;
};

}  // namespace xl_colo
