// The primary's guest with its devices, as far as it is stopped and started for
// checkpoints: who has stopped it last, and so whose it is to resume.
#pragma once

#include <atomic>

#include "base/result.h"
#include "base/units.h"
#include "devices/device_set.h"
#include "hypervisor/domain.h"
#include "session/observer.h"

namespace xl_colo {

// Whether it has stopped for good, by itself or because an admin made it. Only
// we suspend it.
bool has_ended(GuestState state);

// Borrows `domain`. The session's thread.
class OwnGuest {
public:
    enum class Stands {
        never_yet,  // we have not touched it: xl's daemon looks after it
        by_us,      // suspended by us, and ours to resume
        not_by_us,  // it runs; or others have suspended it, or it has ended
    };

    // `observer`: null, or outlives it.
    explicit OwnGuest(Domain& domain, SessionObserver* observer = nullptr)
        : domain_(domain), observer_(observer) {}

    // Domain's, for checkpoint `number`; its devices' before and after. After
    // an error the guest may stand by us nevertheless: it may have stopped
    // half-way.
    Result<Suspension> suspend(CheckpointNumber number);
    // The devices, then Domain's. After an error the guest may run
    // nevertheless, because somebody else has resumed it.
    Status resume();

    // Domain's, as it is; any thread. Each pause() needs an unpause().
    Status pause();
    Status unpause();
    // By these; any thread.
    bool is_paused() const { return pauses_ > 0; }

    // Empty until they are made.
    DeviceSet& devices() { return devices_; }

    Stands stands() const { return stands_; }

private:
    void tell(bool by_us);
    void tell_pauses(int more);

    Domain& domain_;
    SessionObserver* observer_;
    Stands stands_ = Stands::never_yet;
    CheckpointNumber number_;  // for which it was suspended last
    DeviceSet devices_;
    std::atomic<int> pauses_{0};
};

}  // namespace xl_colo
