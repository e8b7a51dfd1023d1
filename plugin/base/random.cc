#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace xl_colo {

Buffer random_bytes(size_t size)
{
    Buffer bytes(size);
    // Up to 256 come whole or not at all, getrandom(2).
    if (getrandom(bytes.data(), size, 0) != static_cast<ssize_t>(size)) {
        throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    return bytes;
}

}  // namespace xl_colo
