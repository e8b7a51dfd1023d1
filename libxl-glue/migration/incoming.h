// A domain that libxl builds while our own code restores its memory; glue.h has
// the order of the calls.
#pragma once

#include <memory>
#include <thread>

#include "domain/domain.h"
#include "migration/callout.h"
#include "migration/restore_target.h"
#include "xen/access.h"

namespace xl_colo {

class XenIncoming : public RestoreTarget {
public:
    // Starts libxl and returns when it waits for the domain's memory.
    static Result<std::unique_ptr<Incoming>> begin(
        std::shared_ptr<Access> access, DomainConfig config,
        const OpenOptions& options);
    ~XenIncoming() override;

    Domid domid() const override { return arguments().domid; }
    Status memory_restored(Pfn store, Pfn console) override;
    Status give_device_state(View state) override;
    Result<std::unique_ptr<Domain>> wait_built() override;
    Status abandon() override;

    const CalloutArguments& arguments() const override
    {
        return callout_->arguments();
    }
    Result<int> static_data_done(unsigned missing) override
    {
        return callout_->static_data_done(missing);
    }

private:
    XenIncoming(std::shared_ptr<Access> access, DomainConfig config,
                const OpenOptions& options)
        : access_(std::move(access)),
          config_(std::move(config)),
          emulator_(emulator_of(*config_.get())),
          options_(options)
    {
    }
    Status start();
    void build();                // the builder's thread
    Status close_stream();
    Result<Domid> finish();      // joins it

    std::shared_ptr<Access> access_;
    DomainConfig config_;        // libxl's, once it builds
    const Emulator emulator_;
    OpenOptions options_;

    UniqueFd stream_;            // our end of what libxl reads
    UniqueFd libxls_stream_;     // its end; the builder closes it
    UniqueFd finished_;          // readable when the builder has finished
    std::thread builder_;
    // The builder's, once it has been joined; failed as long as it never ran.
    int rc_ = ERROR_FAIL;
    uint32_t built_ = 0;

    std::unique_ptr<Callout> callout_;
    std::optional<Buffer> device_state_;  // until libxl can read it
    bool memory_restored_ = false;

    bool abandoned_ = false;
    bool handed_over_ = false;
};

}  // namespace xl_colo
