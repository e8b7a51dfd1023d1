// What xl's own daemon would do with a domain that has shut down. That daemon
// ends when it sees the guest suspended, so for a protected guest nobody else
// is left to do it. The actions and their order are those of
// handle_domain_death() in xl_vmcontrol.c.
#include <unistd.h>

#include <ctime>

#include "host/host.h"
#include "xen/compat.h"

// XEN_DUMP_DIR as Xen was configured.
#ifndef XEN_DUMP_DIR
#define XEN_DUMP_DIR "/var/lib/xen/dump"
#endif

namespace xl_colo {

namespace {

Error no_soft_reset()
{
    return {ErrorKind::refused,
            "a soft reset (kexec) is not supported; the domain is left as it "
            "is"};
}

Result<libxl_action_on_shutdown> action_for(unsigned reason,
                                            const libxl_domain_config& config)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        return config.on_poweroff;
    case SHUTDOWN_reboot:
        return config.on_reboot;
    case SHUTDOWN_crash:
        return config.on_crash;
    case SHUTDOWN_watchdog:
        return config.on_watchdog;
    case SHUTDOWN_soft_reset:
        return no_soft_reset();
    case SHUTDOWN_suspend:
        return Error(ErrorKind::refused, "the guest is only suspended");
    default:
        return LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    }
}

void dump_core(Access& access, Domid domid, const char* name)
{
    const std::string path = std::string(XEN_DUMP_DIR "/") + name;
    access.log.notice("dumping core to " + path);
    const int rc = libxl_domain_core_dump(access.libxl.get(), domid.value(),
                                          path.c_str(), nullptr);
    if (rc != 0) {
        // As in xl: what comes next is the same with or without it.
        access.log.error("cannot dump core (rc " + std::to_string(rc) + ")");
    }
}

// Under another name and UUID, so that a new domain may have the old ones.
Status keep_as_relic(libxl_ctx* ctx, Domid domid, libxl_domain_config& config)
{
    char suffix[24];
    const time_t now = time(nullptr);
    tm utc{};
    gmtime_r(&now, &utc);
    strftime(suffix, sizeof(suffix), "-%Y%m%dT%H%MZ", &utc);
    libxl_uuid uuid;
    libxl_uuid_generate(&uuid);
    const int rc = libxl_domain_preserve(ctx, domid.value(), &config.c_info,
                                         suffix, uuid);
    return rc == 0 ? Status() : libxl_error("cannot rename the domain", rc);
}

Result<Domid> start_again(libxl_ctx* ctx, libxl_domain_config& config)
{
    // xl waits as long: "if this sleep is not there then domain re-creation
    // fails sometimes".
    sleep(2);
    compat::take_any_domid(config.c_info);
    uint32_t domid = static_cast<uint32_t>(INVALID_DOMID);
    int rc = libxl_domain_create_new(ctx, &config, &domid, nullptr, nullptr);
    if (rc != 0) {
        return libxl_error("cannot start the domain again", rc);
    }
    rc = libxl_domain_unpause(ctx, domid, nullptr);
    if (rc != 0) {
        return libxl_error("cannot unpause the domain", rc);
    }
    return Domid(domid);
}

}  // namespace

Result<std::optional<Domid>> XenHost::carry_out_shutdown(Domid domid,
                                                         GuestState state)
{
    auto info = domain_info(access_->xc.get(), domid);
    if (!info) {
        return info.error();
    }
    // GuestState says less than Xen: a watchdog's end has an action of its own.
    const auto reason = shutdown_reason(*info);
    if (!reason) {
        return Error(ErrorKind::refused, std::string("the domain runs, it has "
                                                     "no ") +
                                             to_string(state));
    }
    // Before anything goes: it may have been changed since the guest started.
    auto config = read_configuration(ctx(), domid);
    if (!config) {
        return config.error();
    }
    auto chosen = action_for(*reason, **config);
    if (!chosen) {
        return chosen.error();
    }
    access_->log.notice("domain " + std::to_string(domid.value()) +
                        " has shut down (" + to_string(state) + "): " +
                        libxl_action_on_shutdown_to_string(*chosen));
    bool again = false;
    switch (*chosen) {
    case LIBXL_ACTION_ON_SHUTDOWN_PRESERVE:
        return std::optional<Domid>();
    case LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME:
        if (auto r = keep_as_relic(ctx(), domid, **config); !r) {
            return r.error();
        }
        again = true;
        break;
    case LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET:
        return no_soft_reset();
    default:
        if (*chosen == LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY ||
            *chosen == LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART) {
            dump_core(*access_, domid, (*config)->c_info.name);
        }
        again = *chosen == LIBXL_ACTION_ON_SHUTDOWN_RESTART ||
                *chosen == LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART;
        access_->qmp.forget(domid);
        if (const int rc =
                libxl_domain_destroy(ctx(), domid.value(), nullptr);
            rc != 0) {
            return libxl_error("cannot destroy the domain", rc);
        }
    }
    if (!again) {
        return std::optional<Domid>();
    }
    auto started = start_again(ctx(), **config);
    if (!started) {
        return started.error();
    }
    return std::optional(*started);
}

}  // namespace xl_colo
