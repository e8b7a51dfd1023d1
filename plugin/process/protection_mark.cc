#include "process/protection_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "base/descriptors.h"
#include "base/domain_files.h"
#include "base/errors.h"
#include "base/unique_fd.h"

namespace xl_colo {

namespace {

constexpr const char* ending = ".protected";

// A file is there for certain only once its folder is on the disk, too.
Status write_through(const std::string& path)
{
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || fsync(fd.get()) != 0) {
        return io_error("cannot write through " + path, errno);
    }
    return {};
}

}  // namespace

std::string mark_path(const std::string& domain)
{
    return state_folder() + "/" + domain_file_name(domain) + ending;
}

Status set_mark(const std::string& domain, const std::string& peer,
                const std::string& session)
{
    if (auto s = make_private_folder(state_folder()); !s) {
        return s;
    }
    const std::string path = mark_path(domain);
    {
        const UniqueFd fd(open(path.c_str(),
                               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        const std::string line = "this host went down while it protected the "
                                 "guest with " + peer + " (session " +
                                 session + "): it may run there\n";
        if (!fd) {
            return io_error("cannot make " + path, errno);
        }
        if (auto s = write_all(fd.get(), view_of(line)); !s) {
            return s.error().with_context(path);
        }
    }
    const Status written = write_through(path);
    return written ? write_through(state_folder()) : written;
}

Status clear_mark(const std::string& domain)
{
    if (unlink(mark_path(domain).c_str()) != 0 && errno != ENOENT) {
        return io_error("cannot remove " + mark_path(domain), errno);
    }
    return {};
}

std::optional<std::string> read_mark(const std::string& domain)
{
    std::ifstream file(mark_path(domain));
    std::string line;
    if (!file) {
        return std::nullopt;
    }
    std::getline(file, line);
    return line;
}

std::vector<std::string> marked_domains()
{
    std::vector<std::string> domains;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(state_folder(), none)) {
        if (entry.path().extension() != ending) {
            continue;
        }
        if (auto domain = domain_of_file_name(entry.path().stem().string())) {
            domains.push_back(std::move(*domain));
        }
    }
    std::ranges::sort(domains);
    return domains;
}

}  // namespace xl_colo
