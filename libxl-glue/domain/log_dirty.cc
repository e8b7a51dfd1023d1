#include "domain/log_dirty.h"

#include <cerrno>

#include "xen/compat.h"

namespace xl_colo {

namespace {

constexpr uint64_t gfns_of_a_page = page_size * 8;

// The ring through which xenpaging would talk with Xen; or the page table for
// vCPUs without paging, which is written once, when the guest is built. Every
// HVM and PVH guest of libxenguest's has both, below 4 GiB, so that the log up
// to them is 128 KiB at most (alloc_magic_pages_hvm() and bootlate_hvm() in
// xg_dom_x86.c, 4.14 to 4.22).
Result<std::optional<Pfn>> quiet_page(xc_interface* xc, Domid domid)
{
    uint64_t ring = 0;
    uint64_t table = 0;  // an address
    if (xc_hvm_param_get(xc, domid.value(), HVM_PARAM_PAGING_RING_PFN,
                         &ring) != 0 ||
        xc_hvm_param_get(xc, domid.value(), HVM_PARAM_IDENT_PT, &table) != 0) {
        return hypercall_error("cannot read an HVM parameter", errno);
    }
    if (ring == 0) {
        ring = table / page_size;
    }
    return ring == 0 ? std::nullopt : std::optional(Pfn(ring));
}

}  // namespace

Status LogDirty::switch_to(bool on)
{
    const auto set = [&](unsigned op) {
        return compat::shadow_control(access_.xc.get(), domid_.value(), op);
    };
    if (!on) {
        return set(XEN_DOMCTL_SHADOW_OP_OFF) == 0
                   ? Status()
                   : hypercall_error("cannot switch log-dirty off", errno);
    }
    // It may be on for the video memory alone; libxc juggles in the same way
    // (enable_logdirty() in xg_sr_save.c).
    if (set(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY) == 0 ||
        (set(XEN_DOMCTL_SHADOW_OP_OFF) == 0 &&
         set(XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY) == 0)) {
        return {};
    }
    return hypercall_error("cannot switch log-dirty on", errno);
}

Status LogDirty::choose_mark()
{
    xc_interface* const xc = access_.xc.get();
    auto pfn = quiet_page(xc, domid_);
    if (!pfn) {
        return pfn.error();
    }
    if (*pfn) {
        const uint64_t pages = (*pfn)->value() / gfns_of_a_page + 1;
        auto log =
            std::make_unique<HypercallPages>(xc, static_cast<int>(pages));
        if (!log->data()) {
            return hypercall_error("no memory for the dirty log", errno);
        }
        mark_ = Mark{**pfn, std::move(log)};
    }
    chosen_ = true;
    return {};
}

// What a device model tells Xen of its own writes: the page is in the log and
// stays what it is. For HVM and PVH guests; nothing while the log is off, as
// after somebody else's save (modified_memory() in xen/arch/x86/hvm/dm.c, 4.14
// to 4.22).
Status LogDirty::mark()
{
    if (!chosen_) {
        if (auto s = choose_mark(); !s) {
            return s;
        }
    }
    if (mark_ && xc_hvm_modified_memory(access_.xc.get(), domid_.value(),
                                        mark_->pfn.value(), 1) != 0) {
        return hypercall_error("cannot mark the dirty log", errno);
    }
    return {};
}

Result<Pages> LogDirty::count()
{
    xc_interface* const xc = access_.xc.get();
    const uint64_t pfn = mark_ ? mark_->pfn.value() : 0;
    xc_shadow_op_stats_t stats{};
    const int r = compat::peek_log_dirty(xc, domid_.value(),
                                         mark_ ? mark_->log->get() : nullptr,
                                         mark_ ? pfn + 1 : 0, &stats);
    if (r != 0) {
        return hypercall_error("cannot count dirty pages", errno);
    }
    if (!mark_) {
        return Pages(stats.dirty_count);
    }
    // Cleaning just a part of it sets the count back as well.
    const bool marked = mark_->log->data()[pfn / 8] >> pfn % 8 & 1;
    if (!marked || stats.dirty_count == 0) {
        return Error(ErrorKind::diverged,
                     "somebody else has taken the guest's dirty log (\"xl "
                     "save\" or \"xl migrate\"?), so that some of what it "
                     "wrote is not known: start protection again when that is "
                     "over");
    }
    return Pages(stats.dirty_count - 1);
}

}  // namespace xl_colo
