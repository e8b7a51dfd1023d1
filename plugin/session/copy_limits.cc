#include "session/copy_limits.h"

#include <utility>

#include "wire/frame.h"

namespace xl_colo {

Status CopyLimits::take(View bytes)
{
    BodyReader body(bytes);
    auto target = body.u64();
    auto max = body.u64();
    if (!target || !max) {
        return Error(ErrorKind::protocol, "MEMORY is cut short");
    }
    const std::lock_guard lock(mutex_);
    next_ = MemoryLimits{*target, *max};
    return {};
}

// As long as it is a copy its maximum only grows. A guest may have more memory
// than its target for a while, until it has given pages back; the copy must be
// able to follow it there, also when it had given back more pages itself.
Status CopyLimits::apply(Balloon& balloon)
{
    std::optional<MemoryLimits> limits;
    {
        const std::lock_guard lock(mutex_);
        limits = std::exchange(next_, std::nullopt);
    }
    if (!limits) {
        return {};
    }
    auto own = balloon.limits();
    if (!own) {
        return own.error();
    }
    max_kib_ = limits->max_kib;
    if (limits->max_kib > own->max_kib) {
        if (auto s = balloon.set_max(limits->max_kib); !s) {
            return s;
        }
    }
    return balloon.set_target(limits->target_kib);
}

Status CopyLimits::finish(Balloon& balloon)
{
    return max_kib_ ? balloon.set_max(*max_kib_) : Status();
}

}  // namespace xl_colo
