// The primary's end of the back channel: what the secondary tells of B, on its
// way to xc_domain_save and to whoever leaves pages out.
//
//     session's thread      link's thread
//     expect(n)
//     sends CHECKPOINT n    take_set(): DIRTY_SET n, in parts
//     waits                   whole: the digests are announced
//                           take_digests(): DIRTY_DIGESTS n
//     suspends the guest      all of them: both are here
//     give(what moved)
//     libxc reads one list
#pragma once

#include <atomic>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "pages/copy_digests.h"
#include "pages/page_set.h"
#include "relay/dirty_list_from_wire.h"

namespace xl_colo {

class BackChannel {
public:
    // Borrows `digests`, which learns what the copy has; null where every page
    // is sent. The others are DirtyListFromWire's.
    BackChannel(Pages gfns, bool takes_parts, bool drop, CopyDigests* digests);

    // ---- the session's thread

    // The end that libxc reads; once.
    UniqueFd take_back();
    // B of this checkpoint, which is not 0, is due. Before the secondary is
    // told to suspend.
    void expect(CheckpointNumber number);
    // libxc is to send `moved` besides A and B, all of which is here. Once a
    // checkpoint, before libxc reads its list. Errors: DirtyListFromWire's.
    Status give(const PageSet& moved);
    // |B| of the last set that was whole.
    Pages b() const { return Pages{b_.load()}; }

    // ---- the link's thread

    // The bodies of DIRTY_SET and DIRTY_DIGESTS. Whether all of B, and the
    // digests of its pages, are here now. Error protocol: they are out of turn,
    // or no set of this guest's pages.
    Result<bool> take_set(View body);
    Result<bool> take_digests(View body);

private:
    CopyDigests* const digests_;
    DirtyListFromWire list_;
    std::atomic<uint64_t> set_wanted_{0};  // the checkpoint whose B is due
    uint64_t digests_wanted_ = 0;  // and whose digests: the link's thread
    std::atomic<uint64_t> b_{0};
};

}  // namespace xl_colo
