// What differs between the releases of Xen that we build with, 4.14 to 4.22,
// and nowhere else: every #if on a version or on a LIBXL_HAVE_* of this program
// is in this file.
#pragma once

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <type_traits>

#include "xen/xen_headers.h"

// configure defines it from pkg-config: 41700 for 4.17. Without that the
// version of the domctl interface tells, which grows with almost every release
// (xen/include/public/domctl.h). 4.19 to 4.21 share one; nothing here differs
// between those.
#ifndef XL_COLO_XEN_VERSION
#if XEN_DOMCTL_INTERFACE_VERSION >= 0x18
#define XL_COLO_XEN_VERSION 42200
#elif XEN_DOMCTL_INTERFACE_VERSION >= 0x17
#define XL_COLO_XEN_VERSION 41900
#elif XEN_DOMCTL_INTERFACE_VERSION >= 0x12
#define XL_COLO_XEN_VERSION \
    (41400 + 100 * (XEN_DOMCTL_INTERFACE_VERSION - 0x12))
#else
#define XL_COLO_XEN_VERSION 0
#endif
#endif

#if XL_COLO_XEN_VERSION < 41400
#error "Xen 4.14 or later is needed"
#endif

extern "C" {
// Exported by every libxenctrl, because libxenguest is a library of its own
// that needs it, but declared in a private header only (libs/ctrl/xc_private.h,
// the same from 4.14 to 4.22). At most 1,024 gfns at a time, replaced by their
// types.
int xc_get_pfn_type_batch(xc_interface* xch, uint32_t domid, unsigned int count,
                          xen_pfn_t* gfns);
}

namespace xl_colo::compat {

// libxenguest has stubs that answer ENOSYS on every other architecture
// (xg_nomigrate.c); arm-stubs/ stands in for them in our build.
#if defined(__x86_64__) || defined(__i386__)
constexpr bool can_migrate = true;
#else
constexpr bool can_migrate = false;
#endif

// F2: from efe8de1f91 on (4.18) send_checkpoint_dirty_pfn_list() in
// xg_sr_restore.c writes sizeof(struct xc_sr_record), 16 bytes, as the header.
// libxenguest's soname is its release, so what we were built with is what runs.
// "Suspected", because a distribution may have mended it.
constexpr bool suspect_long_dirty_header = XL_COLO_XEN_VERSION >= 41800;

// 4.22 added `memflags` (a76278016e) as the last argument; 0 is what the
// earlier releases did. The type tells, so a backport does no harm.
template <typename Restore, typename... Arguments>
int call_domain_restore(Restore restore, Arguments... arguments)
{
    if constexpr (std::is_invocable_v<Restore, Arguments...>) {
        return restore(arguments...);
    } else {
        return restore(arguments..., 0u);
    }
}

// 4.16 split the log-dirty operations from xc_shadow_control().
inline int shadow_control(xc_interface* xch, uint32_t domid, unsigned int op)
{
#if XL_COLO_XEN_VERSION >= 41600
    return xc_shadow_control(xch, domid, op, nullptr, 0);
#else
    return xc_shadow_control(xch, domid, op, nullptr, 0, nullptr, 0, nullptr);
#endif
}

// The counters of log-dirty mode, and its bitmap up to `gfns`: in
// paging_log_dirty_op() in xen/arch/x86/mm/paging.c, which flushes what the
// hardware still caches, fills in the counters, and copies nothing for a null
// handle and no pages.
inline int peek_log_dirty(xc_interface* xch, uint32_t domid,
                          xc_hypercall_buffer_t* bitmap, unsigned long gfns,
                          xc_shadow_op_stats_t* stats)
{
    constexpr auto op = XEN_DOMCTL_SHADOW_OP_PEEK;
#if XL_COLO_XEN_VERSION >= 41600
    return xc_logdirty_control(xch, domid, op, bitmap, gfns, 0, stats) < 0 ? -1
                                                                           : 0;
#else
    return xc_shadow_control(xch, domid, op, bitmap, gfns, nullptr, 0,
                             stats) < 0
               ? -1
               : 0;
#endif
}

// A domain that is to be created takes whatever number is free. A
// configuration that was read back from a running domain names that one's.
inline void take_any_domid([[maybe_unused]] libxl_domain_create_info& info)
{
#ifdef LIBXL_HAVE_CREATEINFO_DOMID
    info.domid = static_cast<libxl_domid>(INVALID_DOMID);
#endif
}

}  // namespace xl_colo::compat
