// libxencall.so.1 once more: every hypercall of libxenctrl and libxenguest
// comes through here. Signatures and buffers as in tools/libs/call of Xen 4.17.
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "hypervisor.h"

using xl_colo::model::Hypervisor;

struct xencall_handle {
    // Nothing: there is one hypervisor.
};

namespace {

constexpr size_t buffer_alignment = 4096;

template <typename... Arguments>
long call(unsigned op, Arguments... arguments)
{
    const long r = Hypervisor::of_this_process().hypercall(op, {arguments...});
    if (r < 0) {
        errno = static_cast<int>(-r);
        return -1;
    }
    return r;
}

}  // namespace

extern "C" {

xencall_handle* xencall_open(xentoollog_logger*, unsigned)
{
    return new xencall_handle;
}

int xencall_close(xencall_handle* handle)
{
    delete handle;
    return 0;
}

int xencall_fd(xencall_handle*)
{
    return -1;
}

int xencall0(xencall_handle*, unsigned op)
{
    return static_cast<int>(call(op));
}

int xencall1(xencall_handle*, unsigned op, uint64_t a)
{
    return static_cast<int>(call(op, a));
}

int xencall2(xencall_handle*, unsigned op, uint64_t a, uint64_t b)
{
    return static_cast<int>(call(op, a, b));
}

long xencall2L(xencall_handle*, unsigned op, uint64_t a, uint64_t b)
{
    return call(op, a, b);
}

int xencall3(xencall_handle*, unsigned op, uint64_t a, uint64_t b, uint64_t c)
{
    return static_cast<int>(call(op, a, b, c));
}

int xencall4(xencall_handle*, unsigned op, uint64_t a, uint64_t b, uint64_t c,
             uint64_t d)
{
    return static_cast<int>(call(op, a, b, c, d));
}

int xencall5(xencall_handle*, unsigned op, uint64_t a, uint64_t b, uint64_t c,
             uint64_t d, uint64_t e)
{
    return static_cast<int>(call(op, a, b, c, d, e));
}

void* xencall_alloc_buffer_pages(xencall_handle*, size_t pages)
{
    const size_t bytes = pages * buffer_alignment;
    void* const buffer = std::aligned_alloc(buffer_alignment, bytes);
    if (buffer) {
        std::memset(buffer, 0, bytes);
    }
    return buffer;
}

void xencall_free_buffer_pages(xencall_handle*, void* buffer, size_t)
{
    std::free(buffer);
}

void* xencall_alloc_buffer(xencall_handle* handle, size_t size)
{
    return xencall_alloc_buffer_pages(
        handle, (size + buffer_alignment - 1) / buffer_alignment);
}

void xencall_free_buffer(xencall_handle*, void* buffer)
{
    std::free(buffer);
}

int xencall_buffers_never_fault(xencall_handle*)
{
    return 1;
}

}  // extern "C"
