#include "xen/access.h"

#include <cerrno>

namespace xl_colo {

Result<xc_domaininfo_t> domain_info(xc_interface* xc, Domid domid)
{
    xc_domaininfo_t info;
    const int r = xc_domain_getinfolist(xc, domid.value(), 1, &info);
    if (r < 0) {
        return hypercall_error("cannot ask for the domain's state", errno);
    }
    // The list begins at the first domain that is not below the number.
    if (r == 0 || info.domain != domid.value() ||
        (info.flags & XEN_DOMINF_dying) != 0) {
        return Error(ErrorKind::domain_gone, "the domain does not exist");
    }
    return info;
}

std::optional<unsigned> shutdown_reason(const xc_domaininfo_t& info)
{
    if ((info.flags & XEN_DOMINF_shutdown) == 0) {
        return std::nullopt;
    }
    return (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
}

Result<DomainConfig> read_configuration(libxl_ctx* ctx, Domid domid)
{
    DomainConfig config;
    const int rc = libxl_retrieve_domain_configuration(ctx, domid.value(),
                                                       config.get(), nullptr);
    if (rc == ERROR_TIMEDOUT) {
        return libxl_error("cannot read the domain's configuration: its device "
                           "model has not answered libxl in time; try again",
                           rc);
    }
    if (rc != 0) {
        return libxl_error("cannot read the domain's configuration: it was not "
                           "created by xl or libvirt",
                           rc);
    }
    return config;
}

Result<DomainConfig> parse_configuration(libxl_ctx* ctx,
                                         const std::string& json)
{
    DomainConfig config;
    const int rc =
        libxl_domain_config_from_json(ctx, config.get(), json.c_str());
    if (rc != 0) {
        return libxl_error("libxl cannot read the configuration", rc);
    }
    return config;
}

}  // namespace xl_colo
