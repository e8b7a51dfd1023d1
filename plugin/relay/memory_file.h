// A file without a name, in memory, that libxc reads or writes where it expects
// a pipe. It takes a whole checkpoint at once, so nobody has to be at the other
// end, and its pages are used again for the next one.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace xl_colo {

// One thread at a time, but for position().
class MemoryFile {
public:
    // Throws std::system_error when there is no descriptor left.
    explicit MemoryFile(const char* name);

    // libxc's descriptor. It reads and writes at position(), which both have in
    // common.
    UniqueFd share() const;
    // In place of what `theirs` was, which is a descriptor of libxc's.
    Status put_in_place_of(int theirs) const;

    Status rewind();
    Result<uint64_t> position() const;
    Status write(View bytes);
    // Takes memory for the first so many bytes. What is there stays.
    Status allocate(Bytes size);
    Bytes allocated() const { return allocated_; }
    // Gives all of it back.
    void clear();

    int fd() const { return fd_.get(); }

private:
    UniqueFd fd_;
    Bytes allocated_;
};

}  // namespace xl_colo
