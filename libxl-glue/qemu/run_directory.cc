#include "qemu/run_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/errors.h"
#include "base/unique_fd.h"

namespace xl_colo {

Status make_private_directory(const std::string& path)
{
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return io_error("cannot make " + path, errno);
    }
    struct stat found;
    if (lstat(path.c_str(), &found) != 0) {
        return io_error("cannot look at " + path, errno);
    }
    if (!S_ISDIR(found.st_mode) || found.st_uid != geteuid() ||
        (found.st_mode & 077) != 0) {
        return Error(ErrorKind::io,
                     path + " is not a directory for root alone (mode 0700)");
    }
    return {};
}

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
    while (!content.empty()) {
        const ssize_t r = write(fd.get(), content.data(), content.size());
        if (r >= 0) {
            content = content.subspan(static_cast<size_t>(r));
        } else if (errno != EINTR) {
            return io_error("cannot write " + path, errno);
        }
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
