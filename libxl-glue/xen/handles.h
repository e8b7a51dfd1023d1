// One owner for each of Xen's C handles.
#pragma once

#include <cstdlib>
#include <memory>
#include <utility>

#include "xen/xen_headers.h"

namespace xl_colo {

// Calls a C function, whatever it returns, as the deleter of a unique_ptr.
template <auto function>
struct Call {
    template <typename T>
    void operator()(T* handle) const
    {
        (void)function(handle);
    }
};

using XcHandle = std::unique_ptr<xc_interface, Call<xc_interface_close>>;
using LibxlContext = std::unique_ptr<libxl_ctx, Call<libxl_ctx_free>>;
using ForeignMemory =
    std::unique_ptr<xenforeignmemory_handle, Call<xenforeignmemory_close>>;
using XenstoreHandle = std::unique_ptr<xs_handle, Call<xs_close>>;
// What libxl and libxenstore return from malloc().
template <typename T>
using Malloced = std::unique_ptr<T, Call<std::free>>;

// Zeroed memory for hypercalls to write to. libxenctrl's own macros for it
// (DECLARE_HYPERCALL_BUFFER) are no C++: their designators are out of order.
class HypercallPages {
public:
    // Null with errno if there is no memory: see data().
    HypercallPages(xc_interface* xc, int pages) : xc_(xc), pages_(pages)
    {
        xc__hypercall_buffer_alloc_pages(xc_, &buffer_, pages_);
    }
    ~HypercallPages()
    {
        if (buffer_.hbuf) {
            xc__hypercall_buffer_free_pages(xc_, &buffer_, pages_);
        }
    }
    HypercallPages(const HypercallPages&) = delete;
    HypercallPages& operator=(const HypercallPages&) = delete;

    xc_hypercall_buffer_t* get() { return &buffer_; }
    const uint8_t* data() const
    {
        return static_cast<const uint8_t*>(buffer_.hbuf);
    }

private:
    xc_interface* xc_;
    int pages_;
    xc_hypercall_buffer_t buffer_{};
};

// A libxl struct, from its _init to its _dispose.
template <typename T, auto init, auto dispose>
class LibxlValue {
public:
    LibxlValue() { init(&value_); }
    LibxlValue(LibxlValue&& other) : LibxlValue()
    {
        std::swap(value_, other.value_);
    }
    LibxlValue& operator=(LibxlValue&& other)
    {
        std::swap(value_, other.value_);
        return *this;
    }
    ~LibxlValue() { dispose(&value_); }

    T* get() { return &value_; }
    T& operator*() { return value_; }
    T* operator->() { return &value_; }
    const T* operator->() const { return &value_; }

private:
    T value_;
};

using DomainConfig = LibxlValue<libxl_domain_config, libxl_domain_config_init,
                                libxl_domain_config_dispose>;
using PhysInfo =
    LibxlValue<libxl_physinfo, libxl_physinfo_init, libxl_physinfo_dispose>;
using RestoreParams =
    LibxlValue<libxl_domain_restore_params, libxl_domain_restore_params_init,
               libxl_domain_restore_params_dispose>;

}  // namespace xl_colo
