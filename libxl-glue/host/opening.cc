// May this process work with Xen here at all? Each "no" says what to do.
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/domain_files.h"
#include "host/host.h"
#include "migration/callout.h"
#include "xen/compat.h"

// Where make install puts the helper.
#ifndef XL_COLO_SAVE_HELPER
#error "XL_COLO_SAVE_HELPER must name the installed save helper"
#endif

namespace xl_colo {

namespace {

Error refused(const std::string& why)
{
    return {ErrorKind::refused, why};
}

bool exists(const char* path)
{
    return access(path, F_OK) == 0;
}

Status look_for_migration()
{
    if (!compat::can_migrate) {
        return refused("libxenguest has no migration on this architecture: "
                       "guests cannot be protected here");
    }
    return {};
}

Status look_for_xen()
{
    // The second is where a kernel without sysfs support for Xen has it.
    if (!exists("/sys/hypervisor/properties/capabilities") &&
        !exists("/proc/xen/capabilities")) {
        return refused("no Xen here: boot this host under the Xen hypervisor");
    }
    if (geteuid() != 0) {
        return refused("not permitted: run this as root");
    }
    if (!exists("/dev/xen/privcmd") && !exists("/proc/xen/privcmd")) {
        return refused("no /dev/xen/privcmd: load the module xen-privcmd "
                       "(this works in domain 0 only)");
    }
    return {};
}

// xs_open() with no xenstored falls back to the kernel's bus device and waits
// there for good. A socket means a daemon in this domain; otherwise xenstored
// may be a domain of its own, which Xen marks.
Status look_for_xenstored(xc_interface* xc)
{
    if (XenstoreHandle(xs_open(XS_OPEN_SOCKETONLY))) {
        return {};
    }
    xc_domaininfo_t info;
    for (uint32_t next = 1;
         xc_domain_getinfolist(xc, next, 1, &info) == 1;
         next = info.domain + 1u) {
        if ((info.flags & XEN_DOMINF_xs_domain) != 0) {
            return {};
        }
    }
    return refused("xenstored does not answer: start Xen's services "
                   "(xencommons)");
}

// libxl's children inherit the mask of the thread that makes them. A program
// that takes its signals from a descriptor has blocked them, and a device model
// that inherits this could not be ended by libxl's SIGHUP.
pid_t fork_with_signals(void*)
{
    const pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
    }
    return pid;
}

// The session has children of its own (ssh, a fence command), for which it
// waits: libxl must reap no others than its own. It keeps the pointer.
constexpr libxl_childproc_hooks child_hooks = {
    libxl_sigchld_owner_libxl_always_selective_reap,
    fork_with_signals,
    nullptr,
};

// The environment is the process's, so this comes before there are threads.
// libxl reads the first when it runs the helper, and the helper the second.
Status name_save_helper(const std::string& socket)
{
    const char* helper = std::getenv("XL_COLO_SAVE_HELPER");  // not installed
    if (setenv("LIBXL_SAVE_HELPER", helper ? helper : XL_COLO_SAVE_HELPER, 1) !=
            0 ||
        setenv(callout_socket_variable, socket.c_str(), 1) != 0) {
        return io_error("cannot set the environment", errno);
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Host>> open_host(Log& log)
{
    for (const auto look : {look_for_migration, look_for_xen}) {
        if (auto r = look(); !r) {
            return r.error();
        }
    }
    auto access = std::make_shared<Access>(log);
    xentoollog_logger* const logger = access->logger.get();
    access->xc.reset(xc_interface_open(logger, logger, 0));
    if (!access->xc) {
        return Error::from_errno(ErrorKind::refused,
                                 "Xen does not let us control domains", errno);
    }
    xc_domaininfo_t domain0;
    if (xc_domain_getinfolist(access->xc.get(), 0, 1, &domain0) < 0) {
        return Error::from_errno(
            ErrorKind::refused,
            "Xen does not let us see its domains (is this domain 0?)", errno);
    }
    if (auto r = look_for_xenstored(access->xc.get()); !r) {
        return r.error();
    }
    access->memory.reset(xenforeignmemory_open(logger, 0));
    if (!access->memory) {
        return Error::from_errno(ErrorKind::refused,
                                 "cannot map the memory of guests", errno);
    }
    if (auto r = make_private_folder(run_folder()); !r) {
        return r.error();
    }
    access->callout_socket = run_folder() + "/save-helper-" +
                             std::to_string(getpid());
    if (auto r = name_save_helper(access->callout_socket); !r) {
        return r.error();
    }
    libxl_ctx* ctx = nullptr;
    if (const int rc = libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, logger);
        rc != 0) {
        return libxl_error("cannot open libxl", rc);
    }
    access->libxl.reset(ctx);
    libxl_childproc_setmode(ctx, &child_hooks, nullptr);
    return std::unique_ptr<Host>(std::make_unique<XenHost>(std::move(access)));
}

}  // namespace xl_colo
