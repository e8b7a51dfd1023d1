#include "domain/granted_pages.h"

#include <sys/mman.h>

#include <cerrno>

#include <xen/grant_table.h>
#include <xen/memory.h>

#include "base/errors.h"

namespace xl_colo {

namespace {

constexpr size_t entries_a_frame = page_size / sizeof(grant_entry_v1_t);

}  // namespace

Result<std::vector<Pfn>> find_granted_pages(xc_interface* xc,
                                            xenforeignmemory_handle* memory,
                                            Domid domid)
{
    if (xc_gnttab_get_version(xc, domid.value()) != 1) {
        return std::vector<Pfn>();
    }
    gnttab_query_size size{};
    size.dom = static_cast<domid_t>(domid.value());
    if (xc_gnttab_query_size(xc, &size) != 0 || size.status != GNTST_okay) {
        return hypercall_error("cannot ask for the size of a grant table",
                               errno);
    }
    void* table = nullptr;
    xenforeignmemory_resource_handle* const resource =
        xenforeignmemory_map_resource(
            memory, static_cast<domid_t>(domid.value()),
            XENMEM_resource_grant_table,
            XENMEM_resource_grant_table_id_shared, 0, size.nr_frames, &table,
            PROT_READ, 0);
    if (resource == nullptr) {
        return hypercall_error("cannot map a grant table", errno);
    }
    std::vector<Pfn> pages;
    const auto* const entries =
        static_cast<const volatile grant_entry_v1_t*>(table);
    for (size_t i = 0; i < size.nr_frames * entries_a_frame; ++i) {
        const unsigned flags = entries[i].flags;
        // Not only what is mapped at the moment: a read that was under way may
        // have put its data there since the dirty log was read, and be done.
        if ((flags & GTF_type_mask) == GTF_permit_access &&
            (flags & GTF_readonly) == 0) {
            pages.emplace_back(entries[i].frame);
        }
    }
    xenforeignmemory_unmap_resource(memory, resource);
    return pages;
}

}  // namespace xl_colo
