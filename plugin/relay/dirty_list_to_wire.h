// The secondary's end of the list of dirty pages; stream_to_wire.h has the
// whole.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "hypervisor/guest_memory.h"
#include "pages/page_set.h"
#include "wire/link.h"

namespace xl_colo {

// Digests of the pages of a suspended guest, by ContentHash.
using DigestPages = std::function<Result<std::vector<PageDigest>>(
    const std::vector<Pfn>& pages)>;

// Secondary: turns the records that xc_domain_restore writes to its
// send_back_fd into DIRTY_SET frames, in a thread of its own, and sends the
// digests of B's pages after them.
class DirtyListToWire {
public:
    // F2: libxc of 4.18 and later writes 8 stray zero bytes after the record's
    // header. `suspect_long_header` says that this may be such a libxc;
    // `repair` is false only in the test that shows what happens then.
    // `on_failure` is called by the thread when failure() is set: libxc may
    // have written its list by then and wait for records that will not come.
    DirtyListToWire(FrameSender& sender, Pages gfns, bool suspect_long_header,
                   bool repair, std::function<void()> on_failure);
    ~DirtyListToWire();

    UniqueFd take_back();
    // The checkpoint whose list comes next, and pages that belong into B beside
    // libxc's. Call before libxc's suspend callback returns. `digest` is called
    // by the thread; without it no digests are sent.
    void expect(CheckpointNumber number, DigestPages digest,
                std::optional<PageSet> moved = std::nullopt);
    // Ends the thread, also one in the middle of `digest`: nothing of what that
    // uses is in use after it.
    void stop();
    void abort();
    // Why the thread ended, if a list was bad or could not be sent.
    std::optional<Error> failure() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace xl_colo
