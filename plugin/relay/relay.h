// libxc's file descriptors end here. libxc writes and reads its own stream
// through local pipes; what crosses the wire is ours. So one place counts,
// limits, checks and repairs, whatever libxc the host has.
//
//     primary     xc_domain_save    -> SaveRelay      -> PAGES, RECORD
//     secondary   xc_domain_restore <- RestoreFeed    <- PAGES, RECORD
//     secondary   xc_domain_restore -> DirtyListRelay -> DIRTY_SET
//     primary     xc_domain_save    <- DirtyListFeed  <- DIRTY_SET
//     secondary   B's pages         -> DirtyListRelay -> DIRTY_DIGESTS
//     primary     SaveRelay         <- KnownPages     <- DIRTY_DIGESTS
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "hypervisor/host.h"
#include "pages/copy_pages.h"
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
};

// Primary: turns what xc_domain_save writes into IMAGE, PAGES and RECORD
// frames, in threads of its own.
class SaveRelay {
public:
    // `gfns`: a page beyond them ends the stream with an error. Without
    // `elision` all pages are sent.
    SaveRelay(FrameSender& sender, Pages gfns,
              const std::optional<Elision>& elision,
              Compression compression = Compression::none);
    // Ends the threads.
    ~SaveRelay();

    // The end that libxc writes to; once.
    UniqueFd take_io();
    // Pages that are never left out. Before libxc begins.
    void always_send(const std::vector<Pfn>& pages);
    // Which pages the secondary's copy has, by what was sent of them last. From
    // wait_checkpoint_sent() to the next record.
    const DirtySet& copy_has() const;
    // What the secondary tells of its pages goes there; null without elision.
    KnownPages* known();
    // Waits until the next CHECKPOINT record has been handed to the sender:
    // what was sent since the one before.
    Result<SentPages> wait_checkpoint_sent();
    // libxc's next write fails and waiting ends. Any thread.
    void abort();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Primary: hands B to xc_domain_save, which reads it after its suspend
// callback, as a CHECKPOINT_DIRTY_PFN_LIST record and what parts go before it.
class DirtyListFeed {
public:
    // `takes_parts`: whether libxenguest here knows the record
    // CHECKPOINT_DIRTY_PFN_PART. `drop` replaces every list by an empty one:
    // for the test that shows what the back channel is for.
    DirtyListFeed(Pages gfns, bool takes_parts, bool drop);
    ~DirtyListFeed();

    UniqueFd take_back();
    // The body of a DIRTY_SET frame after the checkpoint's number. Whether the
    // set is whole now; the next call then begins another. Error protocol: it
    // is no set of this guest's pages.
    Result<bool> take(View body);
    // What was taken so far.
    const DirtySet& set() const;
    // Hands libxc the set, once it is whole, and `moved` with it. Blocks while
    // libxc does not read, so the link's thread calls it. Error protocol: more
    // pages than one record holds (16,777,216, F6), for a libxc that does not
    // take parts.
    Status give(const std::optional<DirtySet>& moved = std::nullopt);
    // libxc reads an empty list, or an end of file in the middle of one, and
    // give() stops blocking. Abort the SaveRelay first: then libxc can do
    // nothing with the list. Any thread.
    void abort();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Secondary: gives xc_domain_restore its stream.
class RestoreFeed {
public:
    explicit RestoreFeed(Pages gfns);
    ~RestoreFeed();

    UniqueFd take_io();
    // The bodies of IMAGE and RECORD frames. Checks header and length before
    // libxc sees a byte. Blocks while libxc is busy.
    Status image(View body);
    // Error protocol as well for a record after the one of type CHECKPOINT:
    // libxc would take it into the next checkpoint.
    Status record(View body);
    // The body of a PAGES or PACKED_PAGES frame, which becomes a PAGE_DATA
    // record. Err alike.
    Status packed_pages(View body);
    Status pages(View body);
    // Pages that the primary did not send because the copy has them already, as
    // far as it knew. For whoever has seen the checkpoint's last frame.
    const DirtySet& kept() const;
    // What they say of the copy. For whoever knows that the checkpoint is
    // whole, until begin_checkpoint().
    CopyPages& copy();
    // The primary begins the next one. By the thread that calls record().
    void begin_checkpoint();
    // libxc reads an end of file; blocked calls return. Any thread.
    void abort();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Digests of the pages of a suspended guest, by ContentHash.
using DigestPages = std::function<Result<std::vector<PageDigest>>(
    const std::vector<Pfn>& pages)>;

// Secondary: turns the records that xc_domain_restore writes to its
// send_back_fd into DIRTY_SET frames, in a thread of its own, and sends the
// digests of B's pages after them.
class DirtyListRelay {
public:
    // F2: libxc of 4.18 and later writes 8 stray zero bytes after the record's
    // header. `suspect_long_header` says that this may be such a libxc;
    // `repair` is false only in the test that shows what happens then.
    // `on_failure` is called by the thread when failure() is set: libxc may
    // have written its list by then and wait for records that will not come.
    DirtyListRelay(FrameSender& sender, Pages gfns, bool suspect_long_header,
                   bool repair, std::function<void()> on_failure);
    ~DirtyListRelay();

    UniqueFd take_back();
    // The checkpoint whose list comes next, and pages that belong into B beside
    // libxc's. Call before libxc's suspend callback returns. `digest` is called
    // by the thread; without it no digests are sent.
    void expect(CheckpointNumber number, DigestPages digest,
                std::optional<DirtySet> moved = std::nullopt);
    // Ends the thread, also one in the middle of `digest`: nothing of what that
    // uses is in use after it.
    void stop();
    void abort();
    // The size of the last list, |B|; nothing before the first. Any thread.
    std::optional<Pages> last() const;
    // Why the thread ended, if a list was bad or could not be sent.
    std::optional<Error> failure() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace xl_colo
