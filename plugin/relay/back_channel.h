// The primary's end of the back channel: what the secondary tells of B, on its
// way to xc_domain_save and to whoever leaves pages out.
//
//     session's thread      link's thread                      session's, libxc
//     expect(n)
//     sends CHECKPOINT n    take_set(): DIRTY_SET n, in parts
//     suspends the guest      whole: the digests are announced
//     add_moved()             and then, with what moved, ---->  reads one list
//                           take_digests(): DIRTY_DIGESTS n
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

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
    // Pages that libxc is to send besides A and B. Once a checkpoint: without
    // it libxc gets no list.
    void add_moved(PageSet moved);
    // |B| of the last list that was whole.
    Pages b() const { return Pages{b_.load()}; }

    // ---- the link's thread

    // The bodies of DIRTY_SET and DIRTY_DIGESTS. take_set() blocks, once the
    // set is whole, until the session knows what moved and libxc has read all.
    // Error protocol: they are out of turn, or no set of this guest's pages.
    Status take_set(View body);
    Status take_digests(View body);

    // libxc reads no more lists, and nobody waits. Abort the StreamToWire
    // first: then libxc can do nothing with a list that is cut off. Any thread.
    void abort();

private:
    std::optional<PageSet> wait_moved();

    CopyDigests* const digests_;
    DirtyListFromWire list_;
    std::atomic<uint64_t> set_wanted_{0};  // the checkpoint whose B is due
    uint64_t digests_wanted_ = 0;  // and whose digests: the link's thread
    std::atomic<uint64_t> b_{0};
    std::atomic<bool> aborted_{false};

    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<PageSet> moved_;  // from the session's thread to the link's
};

}  // namespace xl_colo
