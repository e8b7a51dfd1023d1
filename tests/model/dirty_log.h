// Which pages a guest has written to, as Xen's log-dirty mode keeps it
// (paging_log_dirty_*() in xen/arch/x86/mm/paging.c, Xen 4.17).
#pragma once

#include <atomic>
#include <vector>

#include "base/units.h"

namespace xl_colo::model {

// mark() is for the guest's CPUs, the rest for a hypervisor that has stopped
// them.
class DirtyLog {
public:
    explicit DirtyLog(Pages gfns);

    void mark(Pfn pfn);

    bool on() const { return on_; }
    // Begins with an empty log, and ends with one.
    void switch_to(bool on);
    Pages count() const { return Pages{count_.load()}; }
    // The bitmap of the first `gfns` pages, as the hypercall gives it: one bit
    // a page, the lowest first.
    void copy(uint8_t* to, Pages gfns) const;
    void clear();

private:
    bool on_ = false;
    std::vector<std::atomic<uint64_t>> words_;
    std::atomic<uint64_t> count_{0};
};

}  // namespace xl_colo::model
