// How the primary's guest comes by pages, and loses some, while it is
// protected: neither the dirty log nor B tells of that. The wire's side of it
// is in docs/specs/colo-wire.md, "Pages that come and go".
#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "base/units.h"
#include "hypervisor/domain.h"
#include "pages/moved_pages.h"
#include "pages/page_set.h"

namespace xl_colo {

// Borrows `domain`. The session's thread. All but begin() are for a guest that
// stands still. Errors: those of Balloon, and refused for a page beyond `gfns`.
class GuestMovement {
public:
    GuestMovement(Domain& domain, Pages gfns)
        : domain_(domain), gfns_(gfns) {}

    // Before the initial copy: what moves from here on is told.
    Status begin();
    // At the initial copy's end. Error refused when pages moved while it was
    // made: there is no list then that could bring them to libxc. Asks what the
    // copy has only if some may have moved; it may take time to say.
    using CopyHas = std::function<Result<const PageSet*>()>;
    Status check_initial_copy(const CopyHas& copy_has);
    // Where the guest has other pages than the copy; since the last call.
    Result<PageSet> moved(const PageSet& copy_has);
    // What the toolstack lets the guest have, if that has changed and the copy
    // is to have it with this checkpoint. After moved().
    Result<std::optional<MemoryLimits>> new_limits();

private:
    Domain& domain_;
    const Pages gfns_;
    MovementTeller teller_;
    MemoryLimits limits_;  // the copy's
    enum class Limits { as_told, perhaps_new } limits_are_ = Limits::as_told;
};

}  // namespace xl_colo
