// A Host whose domains are model guests of this process. What a session asks of
// it is done; what only the commands ask is refused.
#pragma once

#include "migration/page_mover.h"
#include "model_domain.h"

namespace xl_colo::model {

class ModelHost : public Host {
public:
    // Makes the empty domain that an incoming guest is to fill.
    using Builder = std::function<std::shared_ptr<Vm>()>;

    ModelHost(std::string name, Log& log, Builder builder);
    ~ModelHost() override;

    // Every step of domains and page movers, and every hypercall of note, goes
    // by here first: "suspend", "save.checkpoint", "hypercall.map"... Set it
    // before there is a session.
    Pass pass = [](const std::string&) { return Status(); };

    Result<HostFacts> facts() override;
    Result<std::unique_ptr<Domain>> open(Domid domid,
                                         const OpenOptions& options) override;
    Result<std::unique_ptr<Incoming>> receive(
        const std::string& configuration, const std::string& name,
        const DiskPaths& disks, const OpenOptions& options) override;
    std::unique_ptr<PageMover> page_mover() override;
    bool suspect_long_dirty_header() const override;

    Result<DomainFacts> find(const std::string& name_or_domid) override;
    Result<std::optional<std::string>> taken(const std::string& name,
                                             const std::string& uuid) override;
    Result<std::string> uuid_of(const std::string& configuration) override;
    Result<uint64_t> memory_needed_kib(
        const std::string& configuration) override;
    Result<std::unique_ptr<DomainWatch>> watch_domains() override;
    Result<std::optional<Domid>> carry_out_shutdown(Domid domid,
                                                    GuestState state) override;

private:
    std::string name_;
    std::shared_ptr<Access> access_;
    Builder builder_;
};

}  // namespace xl_colo::model
