// Xen on this host, as the sessions know it. Its parts are in several files:
// opening.cc (may we work here?), host.cc (domains and what makes them), and
// shutdown.cc (what becomes of a guest that has shut down).
#pragma once

#include <memory>

#include "hypervisor/host.h"
#include "xen/access.h"

namespace xl_colo {

class XenHost : public Host {
public:
    explicit XenHost(std::shared_ptr<Access> access)
        : access_(std::move(access))
    {
    }

    Result<HostFacts> facts() override;
    Result<DomainFacts> find(const std::string& name_or_domid) override;
    Result<std::optional<std::string>> taken(const std::string& name,
                                             const std::string& uuid) override;
    Result<std::string> uuid_of(const std::string& configuration) override;
    Result<uint64_t> memory_needed_kib(
        const std::string& configuration) override;
    Result<std::unique_ptr<Domain>> open(Domid domid,
                                         const OpenOptions& options) override;
    Result<std::unique_ptr<Incoming>> receive(
        const std::string& configuration, const std::string& name,
        const DiskPaths& disks, const OpenOptions& options) override;
    std::unique_ptr<PageMover> page_mover() override;
    Result<std::unique_ptr<DomainWatch>> watch_domains() override;
    Result<std::optional<Domid>> carry_out_shutdown(Domid domid,
                                                    GuestState state) override;
    bool suspect_long_dirty_header() const override;

private:
    libxl_ctx* ctx() const { return access_->libxl.get(); }

    std::shared_ptr<Access> access_;
};

}  // namespace xl_colo
