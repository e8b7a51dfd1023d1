// The primary's guest, as far as it is stopped and started for checkpoints:
// who has stopped it last, and so whose it is to resume.
#pragma once

#include "base/result.h"
#include "hypervisor/domain.h"

namespace xl_colo {

// Borrows `domain`. The session's thread.
class OwnGuest {
public:
    enum class Stands {
        never_yet,  // we have not touched it: xl's daemon looks after it
        by_us,      // suspended by us, and ours to resume
        not_by_us,  // it runs; or others have suspended it, or it has ended
    };

    explicit OwnGuest(Domain& domain) : domain_(domain) {}

    // Domain's. After an error the guest may stand by us nevertheless: it may
    // have stopped half-way.
    Result<Suspension> suspend();
    // Domain's. After an error the guest may run nevertheless, because
    // somebody else has resumed it.
    Status resume();

    Stands stands() const { return stands_; }

private:
    Domain& domain_;
    Stands stands_ = Stands::never_yet;
};

}  // namespace xl_colo
