// Whose turn it is on the secondary, for frames that the link's thread acts on
// at once: they change what the session's thread works with at other times. A
// primary that errs, or lies, must not bring the two together.
//
//     pages may come    from the start, and from SUSPENDED n on
//     being applied     from DEVICE_STATE n on
//     quiet             from RESUMED n on
//     being suspended   from CHECKPOINT n+1 on
#pragma once

#include <atomic>

#include "base/result.h"

namespace xl_colo {

class Turn {
public:
    // What the primary begins; the link's thread. Error protocol when it is not
    // its turn.
    Status device_state_comes()
    {
        return advance(Step::pages, Step::applying, "DEVICE_STATE out of turn");
    }
    Status checkpoint_comes()
    {
        return advance(Step::quiet, Step::suspending, "CHECKPOINT out of turn");
    }
    Status pages_come() const
    {
        return step_ == Step::pages ? Status() : refused("pages out of turn");
    }

    // What we allow, just before the frame that tells the primary; the
    // session's thread.
    void let_checkpoint_come() { step_ = Step::quiet; }
    void let_pages_come() { step_ = Step::pages; }

private:
    enum class Step { pages, applying, quiet, suspending };

    static Status refused(const char* what)
    {
        return Error(ErrorKind::protocol, what);
    }
    Status advance(Step from, Step to, const char* otherwise)
    {
        return step_.compare_exchange_strong(from, to) ? Status()
                                                       : refused(otherwise);
    }

    std::atomic<Step> step_{Step::pages};
};

}  // namespace xl_colo
