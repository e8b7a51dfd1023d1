#include "session/own_guest.h"

namespace xl_colo {

bool has_ended(GuestState state)
{
    return state != GuestState::running && state != GuestState::suspended;
}

void OwnGuest::tell(bool by_us)
{
    if (observer_) {
        observer_->guest_stands(by_us);
    }
}

void OwnGuest::tell_pauses(int more)
{
    pauses_ += more;
    if (observer_) {
        observer_->guest_is_paused(more);
    }
}

Result<Suspension> OwnGuest::suspend(CheckpointNumber number)
{
    number_ = number;
    if (auto s = devices_.guest_will_stand(number); !s) {
        return s.error();
    }
    tell(true);
    auto suspension = domain_.suspend();
    // One that others have suspended is theirs to resume, or to destroy.
    const bool ours =
        suspension || (suspension.error().kind() != ErrorKind::refused &&
                       domain_.state() == GuestState::suspended);
    stands_ = ours ? Stands::by_us : Stands::not_by_us;
    tell(ours || domain_.may_suspend_yet());
    if (!suspension) {
        return suspension;
    }
    const Status devices_stand = devices_.guest_stands(number);
    return devices_stand ? suspension : devices_stand.error();
}

Status OwnGuest::resume()
{
    // One that others have resumed already is no business of its devices.
    if (stands_ == Stands::by_us) {
        if (auto s = devices_.may_run(number_); !s) {
            return s;
        }
    }
    auto resumed = domain_.resume();
    // One that others have resumed must not run on the secondary as well.
    if (resumed || domain_.state() == GuestState::running) {
        stands_ = Stands::not_by_us;
        tell(false);
    }
    return resumed;
}

Status OwnGuest::pause()
{
    tell_pauses(1);
    Status paused = domain_.pause();
    if (!paused) {
        tell_pauses(-1);
    }
    return paused;
}

Status OwnGuest::unpause()
{
    Status unpaused = domain_.unpause();
    if (unpaused) {
        tell_pauses(-1);
    }
    return unpaused;
}

}  // namespace xl_colo
