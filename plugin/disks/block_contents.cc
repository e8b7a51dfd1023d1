#include "disks/block_contents.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/errors.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

constexpr size_t alignment = 4096;  // no device wants more for O_DIRECT
constexpr size_t at_a_time = 1 << 20;

struct FreeMemory {
    void operator()(uint8_t* memory) const { std::free(memory); }
};

class FileContents : public DeviceContents {
public:
    FileContents(UniqueFd file, std::string path, Bytes size)
        : file_(std::move(file)),
          path_(std::move(path)),
          size_(size),
          memory_(static_cast<uint8_t*>(
              std::aligned_alloc(alignment, at_a_time)))
    {
    }

    Bytes size() const override { return size_; }

    Status read(uint64_t begin, std::span<uint8_t> to) override
    {
        while (!to.empty()) {
            // From an aligned place, as O_DIRECT wants it.
            const uint64_t place = begin / alignment * alignment;
            const size_t skip = begin - place;
            const ssize_t got = pread(file_.get(), memory_.get(), at_a_time,
                                      static_cast<off_t>(place));
            if (got <= static_cast<ssize_t>(skip)) {
                return io_error("cannot read " + path_, got < 0 ? errno : EIO);
            }
            const size_t count =
                std::min(to.size(), static_cast<size_t>(got) - skip);
            std::memcpy(to.data(), memory_.get() + skip, count);
            to = to.subspan(count);
            begin += count;
        }
        return {};
    }

private:
    const UniqueFd file_;
    const std::string path_;
    const Bytes size_;
    const std::unique_ptr<uint8_t, FreeMemory> memory_;
};

}  // namespace

Result<std::unique_ptr<DeviceContents>> open_contents(const std::string& path)
{
    UniqueFd file(open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
    if (!file && errno == EINVAL) {  // as on a tmpfs
        file = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    const off_t size = file ? lseek(file.get(), 0, SEEK_END) : -1;
    if (size < 0) {
        return io_error("cannot read " + path, errno);
    }
    return std::unique_ptr<DeviceContents>(std::make_unique<FileContents>(
        std::move(file), path, Bytes{static_cast<uint64_t>(size)}));
}

}  // namespace xl_colo
