#include "session/own_guest.h"

namespace xl_colo {

Result<Suspension> OwnGuest::suspend()
{
    auto suspension = domain_.suspend();
    // One that others have suspended is theirs to resume, or to destroy.
    const bool ours =
        suspension || (suspension.error().kind() != ErrorKind::refused &&
                       domain_.state() == GuestState::suspended);
    stands_ = ours ? Stands::by_us : Stands::not_by_us;
    return suspension;
}

Status OwnGuest::resume()
{
    auto resumed = domain_.resume();
    // One that others have resumed must not run on the secondary as well.
    if (resumed || domain_.state() == GuestState::running) {
        stands_ = Stands::not_by_us;
    }
    return resumed;
}

}  // namespace xl_colo
