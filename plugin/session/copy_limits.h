// What the toolstack lets the primary's guest have, as it becomes the copy's.
#pragma once

#include <mutex>
#include <optional>

#include "base/result.h"
#include "hypervisor/domain.h"

namespace xl_colo {

class CopyLimits {
public:
    // Keeps the body of MEMORY for the checkpoint that it comes with. For the
    // link's thread; all else is for the session's.
    Status take(View body);
    // Sets the target, and raises the maximum, before libxc puts the
    // checkpoint's pages into the copy.
    Status apply(Balloon& balloon);
    // Lowers the maximum to the guest's, which the copy now is.
    Status finish(Balloon& balloon);

private:
    std::mutex mutex_;
    std::optional<MemoryLimits> next_;
    std::optional<uint64_t> max_kib_;  // the guest's, for finish()
};

}  // namespace xl_colo
