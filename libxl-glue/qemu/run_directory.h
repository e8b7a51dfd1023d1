// The directory for what lives as long as a session: sockets and the device
// state on its way into QEMU. It is memory (tmpfs) on every current
// distribution, and nobody but root gets in.
#pragma once

#include <string>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

constexpr const char* run_directory = "/run/xl-colo";

// Makes it if need be. Error io when it cannot be made, or is not a directory
// that belongs to us alone.
Status make_private_directory(const std::string& path);

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
