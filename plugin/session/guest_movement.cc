#include "session/guest_movement.h"

#include <utility>

namespace xl_colo {

Status GuestMovement::begin()
{
    Balloon& balloon = domain_.balloon();
    if (auto movement = teller_.since_last(balloon); !movement) {
        return movement.error();
    }
    auto limits = balloon.limits();
    if (!limits) {
        return limits.error();
    }
    limits_ = *limits;
    return {};
}

Status GuestMovement::check_initial_copy(const CopyHas& copy_has)
{
    const auto movement = teller_.since_last(domain_.balloon());
    if (!movement) {
        return movement.error();
    }
    bool moved = *movement == Movement::anything;
    if (*movement == Movement::one_way) {
        const auto known = copy_has();
        if (!known) {
            return known.error();
        }
        auto pages =
            find_moved_pages(domain_.balloon(), *movement, **known, gfns_);
        if (!pages) {
            return pages.error();
        }
        moved = pages->moved.size() != Pages{0};
    }
    return moved ? Error(ErrorKind::refused,
                         "the guest's memory grew or shrank while it was "
                         "copied: start protection again when that is over")
                 : Status();
}

Result<PageSet> GuestMovement::moved(const PageSet& copy_has)
{
    const auto movement = teller_.since_last(domain_.balloon());
    if (!movement) {
        return movement.error();
    }
    if (*movement == Movement::anything) {
        limits_are_ = Limits::perhaps_new;
    }
    if (*movement == Movement::none) {
        return PageSet(gfns_);
    }
    auto pages =
        find_moved_pages(domain_.balloon(), *movement, copy_has, gfns_);
    if (!pages) {
        return pages.error();
    }
    return std::move(pages->moved);
}

Result<std::optional<MemoryLimits>> GuestMovement::new_limits()
{
    std::optional<MemoryLimits> told;
    if (std::exchange(limits_are_, Limits::as_told) == Limits::as_told) {
        return told;
    }
    auto limits = domain_.balloon().limits();
    if (!limits) {
        return limits.error();
    }
    if (*limits != limits_) {
        limits_ = *limits;
        told = limits_;
    }
    return told;
}

}  // namespace xl_colo
