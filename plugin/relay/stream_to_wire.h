// libxc's file descriptors end here. libxc writes and reads its own stream in
// local pipes and files; what crosses the wire is ours. So one place counts,
// limits, checks and repairs, whatever libxc the host has.
//
//     primary     xc_domain_save    -> StreamToWire      -> PAGES, RECORD
//     secondary   xc_domain_restore <- StreamFromWire    <- PAGES, RECORD
//     secondary   xc_domain_restore -> DirtyListToWire -> DIRTY_SET
//     primary     xc_domain_save    <- DirtyListFromWire  <- DIRTY_SET
//     secondary   B's pages         -> DirtyListToWire -> DIRTY_DIGESTS
//     primary     StreamToWire         <- CopyDigests     <- DIRTY_DIGESTS
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "pages/copy_digests.h"
#include "pages/page_set.h"
#include "relay/compression.h"
#include "relay/page_sifter.h"
#include "wire/link.h"

namespace xl_colo {

// What became of the pages of one checkpoint.
struct SentPages {
    Pages pages;     // that libxc sent, each counted once: |D|
    Pages left_out;  // of them, because the secondary has them
    Pages zeros;     // of them, sent without contents
    Bytes saved;     // on the wire by both
    Bytes copied;    // that libxc wrote for it
    std::chrono::microseconds waited{};  // libxc, because all buffers were full
};

// How much of a checkpoint may be copied and not sent.
constexpr Bytes default_buffer{uint64_t{512} << 20};

// Primary: turns what xc_domain_save writes into IMAGE, PAGES and RECORD
// frames, in threads of its own.
class StreamToWire {
public:
    // `gfns`: a page beyond them ends the stream with an error. Without
    // `elision` all pages are sent. `buffer`: what a checkpoint may take here
    // until it is sent; in the initial copy it is some MiB.
    StreamToWire(FrameSender& sender, Pages gfns,
              const std::optional<Elision>& elision,
              Compression compression = Compression::none,
              Bytes buffer = default_buffer);
    // Ends the threads.
    ~StreamToWire();

    // The end that libxc writes to; once.
    UniqueFd take_io();

    // ---- the session's thread, on which libxc runs

    // The guest will stand soon: takes memory for a copy of about so many
    // pages, which would take time then.
    void make_room(Pages expected);
    // The guest stands, and libxc is about to write its pages, `most` at most;
    // none: it is not known. They are copied as far as the buffer goes, beyond
    // which libxc waits for the wire. From the suspend callback.
    Status begin_copy(std::optional<Pages> most);
    // libxc has closed its descriptor, and writes no more.
    void libxc_has_ended();

    // Pages that are never left out. Before libxc begins.
    void always_send(const std::vector<Pfn>& pages);
    // Which pages the secondary's copy has, by what was sent of them last. From
    // wait_checkpoint_sent() to the next record.
    const PageSet& copy_has() const;
    // What the secondary tells of its pages goes there; null without elision.
    CopyDigests* known();
    // Waits until the next CHECKPOINT record has been handed to the sender:
    // what was sent since the one before.
    Result<SentPages> wait_checkpoint_sent();
    // libxc's next write fails and waiting ends. Any thread.
    void abort();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace xl_colo
