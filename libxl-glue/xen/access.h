// What one process has open of Xen, shared by all that it made from it.
//
// One libxl context serves all threads. libxl allows that (each operation polls
// with the context unlocked), and it is the only way that needs no second
// thought about children: libxl reaps them from a SIGCHLD handler, contexts
// that share the signal must all be set up alike, and an operation of one
// thread may be finished by another's event loop. The price is small: on a
// secondary the session waits for the building thread anyway; on a primary
// there is one thread that calls libxl.
//
// libxenctrl's handle is reentrant as we open it (without
// XC_OPENFLAG_NON_REENTRANT).
#pragma once

#include <optional>

#include "base/errors.h"
#include "base/units.h"
#include "qemu/qmp_connections.h"
#include "xen/handles.h"
#include "xen/logger.h"

namespace xl_colo {

struct Access {
    explicit Access(Log& l) : log(l), logger(l) {}

    Log& log;
    LogAdapter logger;    // destroyed last, as the handles below use it
    XcHandle xc;
    ForeignMemory memory;
    LibxlContext libxl;
    QmpConnections qmp;
    std::string callout_socket;  // where the save helper will look for us
};

// The domain's entry in the hypervisor's list; error domain_gone without one.
// libxl's notion of a domain may be late, and tells of a shutdown once only.
Result<xc_domaininfo_t> domain_info(xc_interface* xc, Domid domid);

// The SHUTDOWN_* reason, if it has shut down.
std::optional<unsigned> shutdown_reason(const xc_domaininfo_t& info);

// The domain's whole configuration as libxl would build it again.
Result<DomainConfig> read_configuration(libxl_ctx* ctx, Domid domid);
Result<DomainConfig> parse_configuration(libxl_ctx* ctx,
                                         const std::string& json);

}  // namespace xl_colo
