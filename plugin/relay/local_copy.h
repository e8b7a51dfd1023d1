// What libxc writes of one checkpoint, kept until the wire has taken it: so the
// guest goes on as soon as its pages are copied. libxc's descriptor leads to a
// file in memory meanwhile, which costs it one memcpy() a page, and us nothing:
// the pages are digested, packed and sent from where they are.
#pragma once

#include <optional>
#include <span>

#include "relay/memory_file.h"

namespace xl_colo {

class LocalCopy {
public:
    // Holds up to so many bytes. Throws std::system_error when that much of the
    // address space is not to be had.
    explicit LocalCopy(Bytes limit);
    ~LocalCopy();
    LocalCopy(const LocalCopy&) = delete;
    LocalCopy& operator=(const LocalCopy&) = delete;

    // ---- the session's thread, while nobody reads

    // Takes memory for so much, as far as the limit goes, so that libxc need
    // not. What was taken once is kept.
    void make_room(Bytes size);
    // What libxc writes to `theirs` from here on is a copy.
    Status begin(int theirs);
    // The memory is wanted for something else.
    void give_back() { file_.clear(); }

    // ---- the thread that sends

    // The next record, once libxc has written all of it: header, body and
    // padding. It may be changed, and stays until begin().
    Result<std::optional<std::span<uint8_t>>> next_record();

    Bytes limit() const { return limit_; }

private:
    const Bytes limit_;
    const size_t mapped_;
    MemoryFile file_;
    uint8_t* memory_ = nullptr;  // the file's first mapped_ bytes
    size_t read_ = 0;            // of these
};

}  // namespace xl_colo
