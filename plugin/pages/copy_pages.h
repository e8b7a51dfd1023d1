// Which pages the copy on the secondary has, and which it should have.
//
// libxc's restore puts a page where it is first told contents for it, and from
// then on takes it to be there (populate_pfns() in xg_sr_restore.c, Xen 4.17).
// It takes none back: of a page that the primary's guest has given up it is
// told that there is nothing to write, and writes nothing. And it knows nothing
// of pages that the copy gave back or took while it ran on its own: it fails to
// write the former, and puts a second page in the place of the latter. So
// before it applies a checkpoint, the copy is made to be what it expects, less
// what the primary's guest does not have.
#pragma once

#include <vector>

#include "base/result.h"
#include "hypervisor/domain.h"
#include "pages/moved_pages.h"
#include "pages/page_set.h"

namespace xl_colo {

class CopyPages {
public:
    explicit CopyPages(Pages gfns);

    // What the primary says of a page; the link's thread, until the checkpoint
    // is whole. All others are for the session's thread, and after that.
    void add(Pfn pfn, bool has_contents);

    // The initial copy is in the domain, which has not run yet.
    Status finish_first(Balloon& balloon);
    // The checkpoint is whole, libxc has not applied anything of it yet, and
    // will. After an error the copy is no state of the guest.
    Status make_room(Balloon& balloon);
    // The copy has run since and stands still: the pages that belong into B,
    // whatever the dirty log says. Errors: find_moved_pages()'.
    Result<PageSet> moved(Balloon& balloon);

private:
    const Pages gfns_;
    bool first_ = true;
    MovementTeller movement_;
    PageSet told_;       // the primary's guest has them
    PageSet populated_;  // libxc takes them to be there
    PageSet missing_;    // and they are not
    // The checkpoint at hand: pages with contents, and without.
    PageSet came_;
    PageSet gone_;
    // Put there for the last one, so that the log does not tell what was
    // written to them since.
    PageSet fresh_;
    bool changed_ = false;  // by us, since the copy last ran
};

// Whether the copy has the pages that the primary `kept` to itself, because
// they are the same here. Those that the copy wrote to were looked at when they
// were digested. One that it did not write to it may still have given back (a
// balloon), and log-dirty mode does not tell; libxc would fail to put it in.
// `memory` is the copy's, or null if nothing was to be kept. Errors: protocol,
// diverged for a page that is gone, GuestMemory's.
Status check_kept(GuestMemory* memory, const PageSet& kept);

}  // namespace xl_colo
