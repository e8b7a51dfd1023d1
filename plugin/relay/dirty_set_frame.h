// A set of pages as DIRTY_SET frames hold it: chunks of 65,536 pages, each in
// the shortest of three forms. docs/specs/colo-wire.md has the layout.
//
// It is our own because it is shorter than CRoaring's portable form on every
// shape of tests/unit/test-dirty_code.cc (random pages at 1 %: 1.3 bytes each
// and not 2), and because CRoaring 0.2.66, Debian 12's, cannot tell whether
// what a peer sent is a set at all.
#pragma once

#include "base/result.h"
#include "base/units.h"
#include "pages/page_set.h"

namespace xl_colo {

// Frames' bodies, but for the checkpoint's number, one after another. Borrows
// the set, which must not change meanwhile.
class DirtySetEncoder {
public:
    // `gfns` as the set was made for.
    DirtySetEncoder(const PageSet& set, Pages gfns) : set_(set), gfns_(gfns) {}

    // Whether the last one was taken. There is always one to begin with.
    bool done() const { return done_; }
    Buffer next();

private:
    const PageSet& set_;
    const Pages gfns_;
    uint64_t chunk_ = 0;
    bool done_ = false;
};

// The other way. A body is held to the letter before anything is made of it:
// it allocates nothing, and a set that is wrong is error protocol, after which
// the decoder is of no use.
class DirtySetDecoder {
public:
    explicit DirtySetDecoder(Pages gfns) : gfns_(gfns) {}

    // Adds the pages of one body to `set`, which begins empty with the first.
    // Whether it was the last; the next one begins another set.
    Result<bool> take(View body, PageSet& set);

private:
    const Pages gfns_;
    uint64_t described_ = 0;  // the frames so far tell of the pages below
};

}  // namespace xl_colo
