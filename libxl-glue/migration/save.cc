// xc_domain_save() with our callbacks, in the order in which save() in
// xg_sr_save.c calls them for XC_STREAM_COLO:
//
//     switch_qemu_logdirty   on, then the live phase; off at the end
//     suspend                the guest stands still; from the second checkpoint
//                            on libxc then reads the dirty list from `back`
//     checkpoint             all records up to CHECKPOINT are written to `io`
//     postcopy               both hosts resume
//     wait_checkpoint        until the next one is due; on to suspend
//
// libxc takes 0 from any of them for the end, and calls that a failure in its
// log although it returns success for the last two.
#include <cerrno>
#include <exception>

#include "migration/guest_library.h"
#include "migration/page_mover.h"
#include "xen/compat.h"

namespace xl_colo {

namespace {

// What the callbacks' `data` points to.
struct Save {
    LogAdapter& logger;
    SaveCallbacks& callbacks;
    bool ended = false;            // a callback of ours said so
    std::exception_ptr exception;  // which must not pass through libxc

    template <bool (SaveCallbacks::*callback)()>
    static int call(void* data)
    {
        auto& self = *static_cast<Save*>(data);
        try {
            // One that has been thrown already ends the save here.
            if (!self.exception && (self.callbacks.*callback)()) {
                return 1;
            }
            self.ended = true;
        } catch (...) {
            self.exception = std::current_exception();
        }
        self.logger.expect_failure();
        errno = 0;  // libxc logs it
        return 0;
    }

    // Unlike the others this one answers 0 for success.
    static int switch_qemu_logdirty(uint32_t, unsigned enable, void* data)
    {
        auto& self = *static_cast<Save*>(data);
        try {
            return self.callbacks.device_model_log_dirty(enable != 0) ? 0 : -1;
        } catch (...) {
            self.exception = std::current_exception();
            return -1;
        }
    }
};

}  // namespace

Status XenPageMover::save(Domid domid, UniqueFd io, UniqueFd back,
                          SaveCallbacks& callbacks)
{
    LoggedXc logged(access_->log);
    if (!logged.xc) {
        return hypercall_error("cannot open libxenctrl", errno);
    }
    Save save{logged.logger, callbacks, false, nullptr};
    save_callbacks c{};
    c.suspend = Save::call<&SaveCallbacks::suspend>;
    c.checkpoint = Save::call<&SaveCallbacks::checkpoint>;
    c.postcopy = Save::call<&SaveCallbacks::postcopy>;
    c.wait_checkpoint = Save::call<&SaveCallbacks::wait_checkpoint>;
    c.switch_qemu_logdirty = Save::switch_qemu_logdirty;
    c.data = &save;

    const int r =
        xc_domain_save(logged.xc.get(), io.get(), domid.value(), XCFLAGS_LIVE,
                       &c, XC_STREAM_COLO, back.get());
    const int errno_value = errno;
    if (save.exception) {
        std::rethrow_exception(save.exception);
    }
    if (r != 0 && !save.ended) {
        return hypercall_error("cannot send the guest's memory", errno_value);
    }
    return {};
}

bool XenPageMover::takes_dirty_list_parts() const
{
    return guest_library_knows_record("Checkpoint dirty pfn part");
}

}  // namespace xl_colo
