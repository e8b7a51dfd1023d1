// What the toolstack lets the primary's guest have, as it becomes the copy's.
#pragma once

#include <mutex>
#include <optional>

#include "base/result.h"
#include "hypervisor/domain.h"

namespace xl_colo {

class CopyLimits {
public:
    // MEMORY's body; the link's thread. For the checkpoint that comes next.
    Status take(View body);
    // For what libxc is about to put into the copy.
    Status apply(Balloon& balloon);
    // The copy has become the guest.
    Status finish(Balloon& balloon);

private:
    std::mutex mutex_;
    std::optional<MemoryLimits> next_;
    std::optional<uint64_t> max_kib_;  // to be set when the guest is ours
};

}  // namespace xl_colo
