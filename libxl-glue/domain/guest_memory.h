// A guest's pages in our address space.
#pragma once

#include <memory>
#include <vector>

#include "base/errors.h"
#include "hypervisor/guest_memory.h"
#include "xen/handles.h"

namespace xl_colo {

// Read-only, as long as this lives.
class Mapping {
public:
    Mapping(xenforeignmemory_handle* memory, Domid domid,
            const std::vector<xen_pfn_t>& gfns);
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    // False with errno set when nothing could be mapped.
    explicit operator bool() const { return start_ != nullptr; }
    bool has(size_t index) const { return errors_[index] == 0; }
    View page(size_t index) const
    {
        return {start_ + index * page_size, page_size};
    }

private:
    xenforeignmemory_handle* memory_;
    const uint8_t* start_ = nullptr;
    std::vector<int> errors_;
};

// With a handle of its own, so for any thread. Error hypercall (keeps errno).
Result<std::unique_ptr<GuestMemory>> open_guest_memory(
    xentoollog_logger* logger, Domid domid);

}  // namespace xl_colo
