// A file by which bytes get into a program that takes no others: QEMU.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// A file with that content, readable by its owner alone, which goes with its
// owner here.
class TemporaryFile {
public:
    // An old file of that name is replaced: a process before us left it.
    static Result<TemporaryFile> create(const std::string& path, View content);

    TemporaryFile(TemporaryFile&& other) noexcept
        : path_(std::exchange(other.path_, {}))
    {
    }
    TemporaryFile& operator=(TemporaryFile&&) = delete;
    ~TemporaryFile();

    const std::string& path() const { return path_; }

private:
    explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace xl_colo
