// libxc's save and restore, and what they ask while they run; host.h says how
// threads and errors go.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "hypervisor/domain.h"

namespace xl_colo {

// The protocol's side of xc_domain_save, in the order in which libxc calls it
// (XC_STREAM_COLO, xg_sr_save.c). All run on the thread that called save().
// Each returns whether to go on; false ends the save.
class SaveCallbacks {
public:
    virtual ~SaveCallbacks() = default;
    // On before the first page, off at the end whatever that was.
    virtual bool device_model_log_dirty(bool on) = 0;
    virtual bool suspend() = 0;
    virtual bool checkpoint() = 0;
    virtual bool postcopy() = 0;
    virtual bool wait_checkpoint() = 0;
};

// What a restore's callbacks may answer (xg_sr_restore.c).
enum class RestoreAnswer {
    fail = 0,      // the copy is not to be used; the restore returns an error
    go_on = 1,
    take_over = 2  // leave the loop, keep the domain as it is
};

// The same for xc_domain_restore.
class RestoreCallbacks {
public:
    virtual ~RestoreCallbacks() = default;
    virtual RestoreAnswer checkpoint() = 0;
    virtual void restore_results(Pfn store, Pfn console) = 0;
    virtual RestoreAnswer postcopy() = 0;
    virtual RestoreAnswer wait_checkpoint() = 0;
    virtual RestoreAnswer suspend() = 0;
};

// A domain that libxl is building here, up to the point where its memory is
// wanted. libxl runs in a thread of its own; the memory is restored by ours.
//
//     begin()          libxl has made the empty domain and waits in its helper
//     PageMover        restores the memory; on its first restore_results():
//     memory_restored  the helper answers libxl
//     give_device_state  goes into the stream that libxl reads
//     wait_built       libxl has started the device model; the domain is paused
//
// The destructor of one that is not built destroys the domain.
class Incoming {
public:
    virtual ~Incoming() = default;
    virtual Domid domid() const = 0;
    virtual Status memory_restored(Pfn store, Pfn console) = 0;
    virtual Status give_device_state(View state) = 0;
    virtual Result<std::unique_ptr<Domain>> wait_built() = 0;
    // Ends libxl's work and destroys the domain; wait_built() fails then. Error
    // when there is a domain yet. Nothing for one that is built.
    virtual Status abandon() = 0;
};

// libxc's page mover. Takes over the fds of `io` and `back`; closes them on
// return, so that the relays see an end.
class PageMover {
public:
    virtual ~PageMover() = default;
    // Blocks until the protocol ends it. The domain may be left suspended:
    // the caller knows what its callbacks did last.
    virtual Status save(Domid domid, UniqueFd io, UniqueFd back,
                        SaveCallbacks& callbacks) = 0;
    // `gfns` as the primary has them; `reserve_gfns` makes them known to the
    // hypervisor first, without which the dirty bitmap is cut off (F3).
    virtual Status restore(Incoming& incoming, UniqueFd io, UniqueFd back,
                           Pages gfns, bool reserve_gfns,
                           RestoreCallbacks& callbacks) = 0;
    // Whether save() takes a dirty list of several records (F6): only with our
    // patches/.
    virtual bool takes_dirty_list_parts() const = 0;
};

}  // namespace xl_colo
