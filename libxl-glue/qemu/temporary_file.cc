#include "qemu/temporary_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/descriptors.h"
#include "base/errors.h"
#include "base/unique_fd.h"

namespace xl_colo {

Result<TemporaryFile> TemporaryFile::create(const std::string& path,
                                            View content)
{
    unlink(path.c_str());
    UniqueFd fd(open(path.c_str(),
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     0600));
    if (!fd) {
        return io_error("cannot create " + path, errno);
    }
    TemporaryFile file(path);
    if (auto s = write_all(fd.get(), content); !s) {
        return s.error().with_context(path);
    }
    return file;
}

TemporaryFile::~TemporaryFile()
{
    if (!path_.empty()) {
        unlink(path_.c_str());
    }
}

}  // namespace xl_colo
