// The primary's end of the list of dirty pages; stream_to_wire.h has the whole.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "pages/page_set.h"

namespace xl_colo {

// Primary: hands B to xc_domain_save, which reads it after its suspend
// callback, as a CHECKPOINT_DIRTY_PFN_LIST record and what parts go before it.
class DirtyListFromWire {
public:
    // `takes_parts`: whether libxenguest here knows the record
    // CHECKPOINT_DIRTY_PFN_PART. `drop` replaces every list by an empty one:
    // for the test that shows what the back channel is for.
    DirtyListFromWire(Pages gfns, bool takes_parts, bool drop);
    ~DirtyListFromWire();

    // ---- the link's thread

    // The body of a DIRTY_SET frame after the checkpoint's number. Whether the
    // set is whole now; the next call then begins another. Error protocol: it
    // is no set of this guest's pages.
    Result<bool> take(View body);
    // What was taken so far.
    const PageSet& set() const;

    // ---- the session's thread

    // Once.
    UniqueFd take_back();
    // For libxc to read next: the set, which is whole, and `moved` with it.
    // Before the suspend callback says yes, or libxc reads an end of file,
    // which up to 4.22, and on master, ends the process (patches/ 0113). Error
    // protocol: more pages than one record holds (16,777,216, F6), for a libxc
    // that does not take parts.
    Status give(const PageSet& moved);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace xl_colo
