#include "base/journal.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace xl_colo {

namespace {

// "NAME=value", or, with a line end in it, the value's length before it.
void append(std::string& text, std::string_view name, const std::string& value)
{
    text += name;
    if (value.find('\n') == std::string::npos) {
        text += "=" + value;
    } else {
        static_assert(std::endian::native == std::endian::little);
        const uint64_t length = value.size();
        char bytes[sizeof length];
        std::memcpy(bytes, &length, sizeof length);
        text += '\n';
        text.append(bytes, sizeof bytes);
        text += value;
    }
    text += '\n';
}

}  // namespace

std::optional<Journal> Journal::open()
{
    const char* const set = std::getenv("XL_COLO_JOURNAL");
    const std::string path = set ? set : "/run/systemd/journal/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path ||
        access(path.c_str(), W_OK) != 0) {
        return std::nullopt;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) {
        return std::nullopt;
    }
    return Journal(std::move(fd), address);
}

bool Journal::is_behind(int fd)
{
    const char* const set = std::getenv("JOURNAL_STREAM");
    struct stat found;
    return set && fstat(fd, &found) == 0 &&
           set == std::to_string(found.st_dev) + ":" +
                      std::to_string(found.st_ino);
}

bool Journal::send(const Fields& fields) const
{
    std::string text;
    for (const auto& [name, value] : fields) {
        if (!value.empty()) {
            append(text, name, value);
        }
    }
    return sendto(fd_.get(), text.data(), text.size(),
                  MSG_DONTWAIT | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&address_),
                  sizeof address_) >= 0;
}

}  // namespace xl_colo
