// Pages that came to a guest or left it, which no dirty log tells.
#pragma once

#include <optional>

#include "base/result.h"
#include "hypervisor/domain.h"
#include "pages/page_set.h"

namespace xl_colo {

// What may have become of a guest's pages while it ran.
enum class Movement {
    none,      // it has as many as before, and was told nothing
    one_way,   // some have gone, or some have come
    anything,  // pages may have gone and come again
};

// Tells by the number of pages and the target. Linux's balloon driver goes one
// way until it has what it was told to have; a new target may turn it round. It
// hears of that a moment later, and may go on as before until then: so for some
// checkpoints after a target was set nothing is taken for granted.
class MovementTeller {
public:
    // Since the last call; `anything` the first time.
    Result<Movement> since_last(Balloon& balloon);

private:
    std::optional<Pages> pages_;
    unsigned may_turn_ = 0;  // for so many calls
};

struct MovedPages {
    PageSet moved;    // to be sent, or taken back
    PageSet present;  // all that the guest has
};

// Where the guest, which stands still, has other pages than `known` says. After
// Movement::anything, all that it has count as moved as well: a page that went
// and came again is another one, though it is there as before. Error refused
// for a page beyond `gfns`: libxc takes the guest's size once, when it begins.
Result<MovedPages> find_moved_pages(Balloon& balloon, Movement movement,
                                    const PageSet& known, Pages gfns);

}  // namespace xl_colo
