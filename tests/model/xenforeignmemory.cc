// libxenforeignmemory.so.1 once more, over the model guests' memory.
// Signatures and errors as in tools/libs/foreignmemory of Xen 4.17.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "hypervisor.h"

using xl_colo::page_size;
using xl_colo::model::Hypervisor;
using xl_colo::model::Vm;

struct xenforeignmemory_handle {
    // Nothing: there is one hypervisor.
};

struct xenforeignmemory_resource_handle {
    void* address;
};

namespace {

std::shared_ptr<Vm> find(uint32_t domid)
{
    auto vm = Hypervisor::of_this_process().find(xl_colo::Domid{domid});
    if (!vm) {
        errno = ESRCH;
    }
    return vm;
}

}  // namespace

extern "C" {

xenforeignmemory_handle* xenforeignmemory_open(xentoollog_logger*, unsigned)
{
    return new xenforeignmemory_handle;
}

int xenforeignmemory_close(xenforeignmemory_handle* handle)
{
    delete handle;
    return 0;
}

int xenforeignmemory_restrict(xenforeignmemory_handle*, domid_t)
{
    errno = EOPNOTSUPP;
    return -1;
}

void* xenforeignmemory_map2(xenforeignmemory_handle*, uint32_t domid,
                            void* wanted, int prot, int flags, size_t count,
                            const xen_pfn_t gfns[], int errors[])
{
    if (wanted || flags) {
        xl_colo::model::not_modelled("mapping of foreign memory with flags",
                                     static_cast<uint64_t>(flags));
    }
    if (const int error = Hypervisor::of_this_process().observed("map")) {
        errno = error;
        return nullptr;
    }
    const auto vm = find(domid);
    if (!vm) {
        return nullptr;
    }
    std::vector<int> own_errors(errors ? 0 : count);
    int* const result = errors ? errors : own_errors.data();
    void* const at = vm->map({gfns, count}, prot, result);
    // A caller that gives no room for errors has all pages or none.
    const auto failed = std::ranges::find_if(own_errors,
                                             [](int e) { return e != 0; });
    if (at && failed != own_errors.end()) {
        munmap(at, count * page_size);
        errno = -*failed;
        return nullptr;
    }
    return at;
}

void* xenforeignmemory_map(xenforeignmemory_handle* handle, uint32_t domid,
                           int prot, size_t count, const xen_pfn_t gfns[],
                           int errors[])
{
    return xenforeignmemory_map2(handle, domid, nullptr, prot, 0, count, gfns,
                                 errors);
}

int xenforeignmemory_unmap(xenforeignmemory_handle*, void* at, size_t count)
{
    return munmap(at, count * page_size);
}

xenforeignmemory_resource_handle* xenforeignmemory_map_resource(
    xenforeignmemory_handle*, domid_t domid, unsigned type, unsigned,
    unsigned long frame, unsigned long count, void** at, int prot, int)
{
    // libxenguest enters console and xenstore into it after every checkpoint.
    if (type != XENMEM_resource_grant_table || frame != 0 || count != 1) {
        xl_colo::model::not_modelled("resource", type);
    }
    const auto vm = find(domid);
    if (!vm) {
        return nullptr;
    }
    *at = vm->map_grant_table(prot);
    return *at ? new xenforeignmemory_resource_handle{*at} : nullptr;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle*,
                                    xenforeignmemory_resource_handle* resource)
{
    const int r = munmap(resource->address, page_size);
    delete resource;
    return r;
}

int xenforeignmemory_resource_size(xenforeignmemory_handle*, domid_t,
                                   unsigned type, unsigned, size_t*)
{
    xl_colo::model::not_modelled("size of resource", type);
}

}  // extern "C"
