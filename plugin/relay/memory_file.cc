#include "relay/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace xl_colo {

namespace {

Error file_error(const char* what)
{
    return Error::from_errno(ErrorKind::io, what, errno);
}

}  // namespace

MemoryFile::MemoryFile(const char* name) : fd_(memfd_create(name, MFD_CLOEXEC))
{
    if (!fd_) {
        throw std::system_error(errno, std::generic_category(),
                                "file in memory");
    }
}

UniqueFd MemoryFile::share() const
{
    UniqueFd theirs(fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!theirs) {
        throw std::system_error(errno, std::generic_category(),
                                "file in memory");
    }
    return theirs;
}

Status MemoryFile::put_in_place_of(int theirs) const
{
    return dup3(fd_.get(), theirs, O_CLOEXEC) == theirs
               ? Status()
               : file_error("cannot lead libxc to a file in memory");
}

Status MemoryFile::rewind()
{
    return lseek(fd_.get(), 0, SEEK_SET) == 0
               ? Status()
               : file_error("cannot rewind a file in memory");
}

Result<uint64_t> MemoryFile::position() const
{
    const off_t at = lseek(fd_.get(), 0, SEEK_CUR);
    if (at < 0) {
        return file_error("cannot look at a file in memory");
    }
    return static_cast<uint64_t>(at);
}

Status MemoryFile::write(View bytes)
{
    while (!bytes.empty()) {
        const ssize_t r = ::write(fd_.get(), bytes.data(), bytes.size());
        if (r > 0) {
            bytes = bytes.subspan(static_cast<size_t>(r));
        } else if (r == 0 || errno != EINTR) {
            return file_error("cannot write to a file in memory");
        }
    }
    return {};
}

Status MemoryFile::allocate(Bytes size)
{
    if (size <= allocated_) {
        return {};
    }
    const auto from = static_cast<off_t>(allocated_.value());
    int r;
    do {
        r = fallocate(fd_.get(), 0, from,
                      static_cast<off_t>(size.value()) - from);
    } while (r != 0 && errno == EINTR);
    if (r != 0) {
        return file_error("cannot have more memory");
    }
    allocated_ = size;
    return {};
}

void MemoryFile::clear()
{
    (void)ftruncate(fd_.get(), 0);
    allocated_ = Bytes{0};
}

}  // namespace xl_colo
