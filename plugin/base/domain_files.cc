#include "base/domain_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/errors.h"
#include "base/hex.h"

namespace xl_colo {

namespace {

std::string folder(const char* variable, const char* otherwise)
{
    const char* const set = std::getenv(variable);
    return set && *set ? set : otherwise;
}

}  // namespace

std::string run_folder()
{
    return folder("XL_COLO_RUN_DIR", "/run/xl-colo");
}

std::string state_folder()
{
    return folder("XL_COLO_STATE_DIR", "/var/lib/xl-colo");
}

Status make_private_folder(const std::string& path)
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
                     path + " is not a folder for root alone (mode 0700)");
    }
    return {};
}

std::string log_path(const std::string& domain)
{
    return folder("XL_COLO_LOG_DIR", "/var/log/xen") + "/xl-colo-" +
           domain_file_name(domain) + ".log";
}

std::string domain_file_name(const std::string& domain)
{
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string name;
    for (const char c : domain) {
        const auto byte = static_cast<unsigned char>(c);
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9');
        if (letter || c == '_' || c == '-' || c == '+' ||
            (c == '.' && !name.empty())) {
            name += c;
        } else {
            name += '%';
            name += hex[byte >> 4];
            name += hex[byte & 15];
        }
    }
    return name;
}

std::optional<std::string> domain_of_file_name(const std::string& file_name)
{
    std::string domain;
    for (size_t i = 0; i < file_name.size(); ++i) {
        if (file_name[i] != '%') {
            domain += file_name[i];
            continue;
        }
        const auto byte = from_hex(file_name.substr(i + 1, 2));
        if (!byte || byte->empty()) {
            return std::nullopt;
        }
        domain += static_cast<char>(byte->front());
        i += 2;
    }
    if (domain.empty() || domain_file_name(domain) != file_name) {
        return std::nullopt;
    }
    return domain;
}

}  // namespace xl_colo
