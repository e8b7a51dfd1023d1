#include "domain/balloon.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "domain/present_pages.h"
#include "xen/compat.h"

namespace xl_colo {

namespace {

// XEN_DOMCTL_getpageframeinfo3 takes no more at a time.
std::vector<xen_pfn_t> batch_of(const std::vector<Pfn>& pages, size_t first)
{
    std::vector<xen_pfn_t> gfns;
    for (size_t i = first;
         i < std::min(first + pages_at_a_time, pages.size()); i++) {
        gfns.push_back(pages[i].value());
    }
    return gfns;
}

}  // namespace

std::string XenBalloon::target_path() const
{
    return "/local/domain/" + std::to_string(domid_.value()) +
           "/memory/target";
}

Status XenBalloon::open_store()
{
    if (store_) {
        return {};
    }
    XenstoreHandle store(xs_open(0));
    if (!store) {
        return io_error("cannot connect to xenstored", errno);
    }
    if (!xs_watch(store.get(), target_path().c_str(), "target")) {
        return io_error("cannot watch the guest's memory target", errno);
    }
    // A watch fires once when it is set, but not before that is answered.
    unsigned count = 0;
    if (!Malloced<char*>(xs_read_watch(store.get(), &count))) {
        return io_error("cannot read from xenstored", errno);
    }
    store_ = std::move(store);
    return {};
}

bool XenBalloon::target_was_set()
{
    bool set = false;
    while (Malloced<char*>(xs_check_watch(store_.get()))) {
        set = true;
    }
    return set;
}

Result<MemoryNews> XenBalloon::news()
{
    if (auto s = open_store(); !s) {
        return s.error();
    }
    auto info = domain_info(access_.xc.get(), domid_);
    if (!info) {
        return info.error();
    }
    return MemoryNews{Pages{info->tot_pages}, target_was_set()};
}

Result<std::vector<bool>> XenBalloon::present()
{
    return find_present_pages(access_.xc.get(), domid_);
}

Result<std::vector<bool>> XenBalloon::has(const std::vector<Pfn>& pages)
{
    std::vector<bool> there;
    for (size_t first = 0; first < pages.size(); first += pages_at_a_time) {
        auto types = batch_of(pages, first);
        if (xc_get_pfn_type_batch(access_.xc.get(), domid_.value(),
                                  static_cast<unsigned>(types.size()),
                                  types.data()) != 0) {
            return hypercall_error("cannot ask for the types of pages", errno);
        }
        for (const xen_pfn_t type : types) {
            there.push_back((type & XEN_DOMCTL_PFINFO_LTAB_MASK) !=
                            XEN_DOMCTL_PFINFO_XTAB);
        }
    }
    return there;
}

Status XenBalloon::populate(const std::vector<Pfn>& pages)
{
    for (size_t first = 0; first < pages.size(); first += pages_at_a_time) {
        auto gfns = batch_of(pages, first);
        if (xc_domain_populate_physmap_exact(access_.xc.get(), domid_.value(),
                                             gfns.size(), 0, 0,
                                             gfns.data()) != 0) {
            return hypercall_error("cannot give the copy pages that the guest "
                                   "has", errno);
        }
    }
    return {};
}

Status XenBalloon::release(const std::vector<Pfn>& pages)
{
    for (size_t first = 0; first < pages.size(); first += pages_at_a_time) {
        auto gfns = batch_of(pages, first);
        if (xc_domain_decrease_reservation_exact(
                access_.xc.get(), domid_.value(), gfns.size(), 0,
                gfns.data()) != 0) {
            return hypercall_error("cannot take from the copy pages that the "
                                   "guest has given back", errno);
        }
    }
    return {};
}

Result<MemoryLimits> XenBalloon::limits()
{
    if (auto s = open_store(); !s) {
        return s.error();
    }
    auto info = domain_info(access_.xc.get(), domid_);
    if (!info) {
        return info.error();
    }
    unsigned length = 0;
    const Malloced<void> target(
        xs_read(store_.get(), XBT_NULL, target_path().c_str(), &length));
    if (!target) {
        return io_error("cannot read the guest's memory target", errno);
    }
    // xs_read() ends it with a zero.
    return MemoryLimits{
        std::strtoull(static_cast<const char*>(target.get()), nullptr, 10),
        info->max_pages * (page_size / 1024)};
}

Status XenBalloon::set_target(uint64_t kib)
{
    if (auto s = open_store(); !s) {
        return s;
    }
    const std::string value = std::to_string(kib);
    // xenstored keeps the node's permissions.
    if (!xs_write(store_.get(), XBT_NULL, target_path().c_str(), value.data(),
                  static_cast<unsigned>(value.size()))) {
        return io_error("cannot write the guest's memory target", errno);
    }
    return {};
}

Status XenBalloon::set_max(uint64_t kib)
{
    return xc_domain_setmaxmem(access_.xc.get(), domid_.value(), kib) == 0
               ? Status()
               : hypercall_error("cannot set the most memory that the domain "
                                 "may have", errno);
}

}  // namespace xl_colo
