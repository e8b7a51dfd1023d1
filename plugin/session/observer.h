// What a session tells, as it happens, for whoever is left when its process is
// gone: who has the guest, and whether it stands.
#pragma once

#include "session/copy_state.h"

namespace xl_colo {

// Called by the session's thread, but where it says otherwise; never blocks.
class SessionObserver {
public:
    virtual ~SessionObserver() = default;
    // Primary: the guest stands by us, or is about to, and is ours to resume;
    // or not any more.
    virtual void guest_stands(bool by_us) = 0;
    // Primary, any thread: so many more of its pauses are ours to undo, from
    // before one is made to after it is undone.
    virtual void guest_is_paused(int more) = 0;
    // Primary: from here on the secondary may have a state to go on with.
    virtual void copy_may_take_over() = 0;
    // Secondary.
    virtual void copy_is(CopyState state) = 0;
};

}  // namespace xl_colo
