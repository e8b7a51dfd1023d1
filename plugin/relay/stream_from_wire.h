// The secondary's end of the stream of pages; stream_to_wire.h has the whole.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "pages/copy_pages.h"
#include "pages/page_set.h"

namespace xl_colo {

// Secondary: gives xc_domain_restore its stream.
class StreamFromWire {
public:
    explicit StreamFromWire(Pages gfns);
    ~StreamFromWire();

    UniqueFd take_io();
    // The bodies of IMAGE and RECORD frames. Checks header and length before
    // libxc sees a byte. Blocks while libxc is busy.
    Status image(View body);
    // Error protocol as well for a record after the one of type CHECKPOINT:
    // libxc would take it into the next checkpoint.
    Status record(View body);
    // The body of a PAGES or PACKED_PAGES frame, which becomes a PAGE_DATA
    // record. Errors as of record().
    Status packed_pages(View body);
    Status pages(View body);
    // Pages that the primary did not send because the copy has them already, as
    // far as it knew. For whoever has seen the checkpoint's last frame.
    const PageSet& kept() const;
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

}  // namespace xl_colo
