// Log-dirty mode of one domain: which pages its vCPUs have written to.
//
// A domain has one log, and whoever saves it has that to himself: libxc, for
// "xl save -c" or "xl migrate", switches it off and on and cleans it while the
// guest runs. Pages that were in it would be in no checkpoint, and the copy
// wrong from then on, without anybody's notice.
//
// QEMU has a log of its own writes, which is switched together with Xen's.
//
// So one page that nobody writes to is marked as dirty each time after the log
// was cleaned for a checkpoint. Where the mark is gone by the next one, so are
// others. It makes one page more for each checkpoint to send, a zero one.
#pragma once

#include <memory>
#include <optional>

#include "xen/access.h"

namespace xl_colo {

// Borrows `access`. One thread at a time.
class LogDirty {
public:
    LogDirty(Access& access, Domid domid) : access_(access), domid_(domid) {}

    Status switch_to(bool on);
    // As Domain's mark_log() and count_dirty().
    Status mark();
    Result<Pages> count();

private:
    // A page, and room for the log up to that.
    struct Mark {
        Pfn pfn;
        std::unique_ptr<HypercallPages> log;
    };
    Status choose_mark();

    Access& access_;
    Domid domid_;
    bool chosen_ = false;
    std::optional<Mark> mark_;  // none if no page will do
};

}  // namespace xl_colo
