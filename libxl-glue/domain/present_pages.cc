// A guest of 32 MiB has a million gfns, nearly all of them holes, and Xen tells
// of one gfn at a time, slower for a hole than for a page: all of them took
// 33 s on an emulated host, where the pages took less than one. But Xen also
// tells how many pages a domain has. They lie at the two ends: low memory from
// 0 up, special pages or high memory below the highest gfn. So the search goes
// inwards from both, and ends when it has found as many as there are. Where
// some are hidden, as those are that an emulator took out of the map, it goes
// on to the middle.
#include "domain/present_pages.h"

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "hypervisor/guest_memory.h"
#include "xen/compat.h"

namespace xl_colo {

namespace {

// XEN_DOMCTL_getpageframeinfo3 takes no more at a time.
class Search {
public:
    Search(xc_interface* xc, Domid domid, size_t gfns)
        : xc_(xc), domid_(domid), present_(gfns)
    {
    }

    // Looks at one batch.
    Status look(size_t batch)
    {
        const size_t first = batch * pages_at_a_time;
        std::vector<xen_pfn_t> types(
            std::min(pages_at_a_time, present_.size() - first));
        std::iota(types.begin(), types.end(), first);
        if (xc_get_pfn_type_batch(xc_, domid_.value(),
                                  static_cast<unsigned>(types.size()),
                                  types.data()) != 0) {
            return hypercall_error("cannot ask for the types of pages", errno);
        }
        for (size_t i = 0; i < types.size(); i++) {
            if ((types[i] & XEN_DOMCTL_PFINFO_LTAB_MASK) !=
                XEN_DOMCTL_PFINFO_XTAB) {
                present_[first + i] = true;
                found_++;
            }
        }
        return {};
    }

    size_t found() const { return found_; }
    std::vector<bool> take() { return std::move(present_); }

private:
    xc_interface* xc_;
    Domid domid_;
    std::vector<bool> present_;
    size_t found_ = 0;
};

}  // namespace

Result<std::vector<bool>> find_present_pages(xc_interface* xc, Domid domid)
{
    auto info = domain_info(xc, domid);
    if (!info) {
        return info.error();
    }
    xen_pfn_t gfns = 0;
    if (xc_domain_nr_gpfns(xc, domid.value(), &gfns) < 0) {
        return hypercall_error("cannot ask for the highest gfn", errno);
    }
    Search search(xc, domid, gfns);
    size_t low = 0;
    size_t high = (gfns + pages_at_a_time - 1) / pages_at_a_time;
    for (bool from_top = true; low < high && search.found() < info->tot_pages;
         from_top = !from_top) {
        if (auto r = search.look(from_top ? --high : low++); !r) {
            return r.error();
        }
    }
    return search.take();
}

}  // namespace xl_colo
