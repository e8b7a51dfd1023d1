// A guest's pages as they come and go.
#pragma once

#include "hypervisor/domain.h"
#include "xen/access.h"

namespace xl_colo {

class XenBalloon : public Balloon {
public:
    // Borrows `access`.
    XenBalloon(Access& access, Domid domid) : access_(access), domid_(domid) {}

    Result<MemoryNews> news() override;
    Result<std::vector<bool>> present() override;
    Result<std::vector<bool>> has(const std::vector<Pfn>& pages) override;
    Status populate(const std::vector<Pfn>& pages) override;
    Status release(const std::vector<Pfn>& pages) override;
    Result<MemoryLimits> limits() override;
    Status set_target(uint64_t kib) override;
    Status set_max(uint64_t kib) override;

private:
    Status open_store();
    bool target_was_set();
    std::string target_path() const;

    Access& access_;
    const Domid domid_;
    XenstoreHandle store_;  // with a watch on the target
};

}  // namespace xl_colo
