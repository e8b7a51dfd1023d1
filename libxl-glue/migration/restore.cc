// xc_domain_restore() with our callbacks, in the order in which
// handle_checkpoint() in xg_sr_restore.c calls them for XC_STREAM_COLO, at each
// CHECKPOINT record:
//
//     static_data_done   once, early: what an old stream lacks, for libxl
//     checkpoint         everything up to here has been read; from the second
//                        on it is buffered, and applied when this returns
//     restore_results    memory and vCPUs are those of the checkpoint
//     postcopy           the copy resumes
//     wait_checkpoint    until the primary begins the next one
//     suspend            the copy stands still; libxc then writes the dirty
//                        list to `back`
//
// libxc reports success for a take-over, and also when the stream ends early
// after the first checkpoint. What the callbacks did last tells the caller what
// state the domain is in.
#include <cerrno>
#include <exception>

#include "migration/page_mover.h"
#include "migration/restore_target.h"
#include "xen/compat.h"

namespace xl_colo {

namespace {

struct Restore {
    RestoreTarget& target;
    Log& log;
    LogAdapter& logger;
    RestoreCallbacks& callbacks;
    bool ended = false;            // a callback of ours answered take_over
    bool failed = false;           // or fail
    std::exception_ptr exception;  // which must not pass through libxc

    template <RestoreAnswer (RestoreCallbacks::*callback)()>
    static int call(void* data)
    {
        auto& self = *static_cast<Restore*>(data);
        RestoreAnswer answer = RestoreAnswer::fail;
        try {
            // One that has been thrown already ends the restore here.
            if (!self.exception) {
                answer = (self.callbacks.*callback)();
            }
        } catch (...) {
            self.exception = std::current_exception();
        }
        self.failed = answer == RestoreAnswer::fail;
        self.ended = answer == RestoreAnswer::take_over;
        if (self.failed || self.ended) {
            self.logger.expect_failure();
            errno = 0;  // libxc logs it
        }
        return static_cast<int>(answer);
    }

    static void restore_results(xen_pfn_t store, xen_pfn_t console, void* data)
    {
        auto& self = *static_cast<Restore*>(data);
        try {
            self.callbacks.restore_results(Pfn(store), Pfn(console));
        } catch (...) {
            // No answer is foreseen: the next callback fails for it.
            self.exception = std::current_exception();
        }
    }

    // 0 for success, unlike the others.
    static int static_data_done(unsigned missing, void* data)
    {
        auto& self = *static_cast<Restore*>(data);
        try {
            auto r = self.target.static_data_done(missing);
            if (!r) {
                self.log.error("libxl on the stream's static data: " +
                               r.error().text());
            }
            return r ? *r : -1;
        } catch (...) {
            self.exception = std::current_exception();
            return -1;
        }
    }
};

// F3: xc_domain_restore() sizes the bitmap from which it makes the dirty list
// with xc_domain_nr_gpfns(), when the domain has no memory yet (xg_sr_restore.c
// sets ctx.restore.p2m_size, read in 4.17 and 4.20). On AMD that was 1, so the
// list was empty, C = B \ A was never sent, and 647 of 2,072 pages were wrong
// after one checkpoint. The hypervisor's notion of the highest gfn never
// shrinks: a page that is put there and given back makes it as large as the
// primary's. Without the page in between nothing is there to collide with.
Status reserve(xc_interface* xc, Domid domid, Pages gfns)
{
    const auto known = [&]() -> Result<Pages> {
        xen_pfn_t count = 0;
        if (xc_domain_nr_gpfns(xc, domid.value(), &count) < 0) {
            return hypercall_error("cannot ask for the highest gfn", errno);
        }
        return Pages(count);
    };
    auto before = known();
    if (!before) {
        return before.error();
    }
    if (*before >= gfns) {
        return {};
    }
    xen_pfn_t gfn = gfns.value() - 1;
    if (xc_domain_populate_physmap_exact(xc, domid.value(), 1, 0, 0, &gfn) !=
        0) {
        return hypercall_error("cannot place a page at the highest gfn", errno);
    }
    gfn = gfns.value() - 1;
    if (xc_domain_decrease_reservation_exact(xc, domid.value(), 1, 0, &gfn) !=
        0) {
        return hypercall_error("cannot give back the page at the highest gfn",
                               errno);
    }
    auto after = known();
    if (!after) {
        return after.error();
    }
    if (*after < gfns) {
        return Error(ErrorKind::hypercall,
                     "the hypervisor does not keep the highest gfn");
    }
    return {};
}

}  // namespace

Status XenPageMover::restore(Incoming& incoming, UniqueFd io, UniqueFd back,
                             Pages gfns, bool reserve_gfns,
                             RestoreCallbacks& callbacks)
{
    auto& target = static_cast<RestoreTarget&>(incoming);
    const CalloutArguments& given = target.arguments();
    LoggedXc logged(access_->log);
    if (!logged.xc) {
        return hypercall_error("cannot open libxenctrl", errno);
    }
    if (reserve_gfns) {
        if (auto r = reserve(logged.xc.get(), given.domid, gfns); !r) {
            return r;
        }
    }
    Restore restore{target, access_->log, logged.logger, callbacks,
                    false,  false,        nullptr};
    restore_callbacks c{};
    c.static_data_done = Restore::static_data_done;
    c.checkpoint = Restore::call<&RestoreCallbacks::checkpoint>;
    c.restore_results = Restore::restore_results;
    c.postcopy = Restore::call<&RestoreCallbacks::postcopy>;
    c.wait_checkpoint = Restore::call<&RestoreCallbacks::wait_checkpoint>;
    c.suspend = Restore::call<&RestoreCallbacks::suspend>;
    c.data = &restore;

    unsigned long store = 0;
    unsigned long console = 0;
    const int r = compat::call_domain_restore(
        xc_domain_restore, logged.xc.get(), io.get(), given.domid.value(),
        given.store_evtchn, &store, given.store_domid, given.console_evtchn,
        &console, given.console_domid, XC_STREAM_COLO, &c, back.get());
    const int errno_value = errno;
    if (restore.exception) {
        std::rethrow_exception(restore.exception);
    }
    if (restore.failed) {
        return Error(ErrorKind::aborted, "the copy was given up");
    }
    if (r != 0) {
        return hypercall_error("cannot restore the guest's memory",
                               errno_value);
    }
    return {};
}

}  // namespace xl_colo
