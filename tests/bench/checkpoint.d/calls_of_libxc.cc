#include "calls_of_libxc.h"

#include <dlfcn.h>
#include <sys/uio.h>

#include <cstddef>
#include <utility>

namespace xl_colo::bench {

namespace {

std::function<void()> on_read;
std::function<void()> on_write;

// The library's own.
template <typename Function>
Function* next(const char* name)
{
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

CallsOfLibxc::CallsOfLibxc(std::function<void()> has_read,
                           std::function<void()> will_write)
{
    on_read = std::move(has_read);
    on_write = std::move(will_write);
}

CallsOfLibxc::~CallsOfLibxc()
{
    on_read = nullptr;
    on_write = nullptr;
}

}  // namespace xl_colo::bench

// xc_private.h, Xen 4.17.
extern "C" {

int read_exact(int fd, void* data, size_t size);
int writev_exact(int fd, const iovec* pieces, int count);

int read_exact(int fd, void* data, size_t size)
{
    static auto* const real =
        xl_colo::bench::next<decltype(read_exact)>("read_exact");
    const int r = real(fd, data, size);
    if (xl_colo::bench::on_read) {
        xl_colo::bench::on_read();
    }
    return r;
}

int writev_exact(int fd, const iovec* pieces, int count)
{
    static auto* const real =
        xl_colo::bench::next<decltype(writev_exact)>("writev_exact");
    if (xl_colo::bench::on_write) {
        xl_colo::bench::on_write();
    }
    return real(fd, pieces, count);
}

}  // extern "C"
