#include "model_host.h"

#include <cerrno>

#include "base/errors.h"
#include "migration/restore_target.h"
#include "model_mover.h"
#include "xen/compat.h"

namespace xl_colo::model {

namespace {

Error not_here(const char* what)
{
    return {ErrorKind::refused, std::string("the model has no ") + what};
}

// Of libxl only the order is left: first the memory, then the device state, and
// then a domain that is paused.
class ModelIncoming : public RestoreTarget {
public:
    ModelIncoming(std::shared_ptr<Access> access, std::shared_ptr<Vm> vm,
                  const Pass& pass)
        : access_(std::move(access)), vm_(std::move(vm)), pass_(pass)
    {
        arguments_.domid = Hypervisor::of_this_process().add(vm_);
        arguments_.store_evtchn = 1;
        arguments_.console_evtchn = 2;
    }
    ~ModelIncoming() override
    {
        if (!handed_over_) {
            (void)abandon();
        }
    }

    Domid domid() const override { return arguments_.domid; }
    const CalloutArguments& arguments() const override { return arguments_; }
    Result<int> static_data_done(unsigned) override { return 0; }

    Status memory_restored(Pfn, Pfn) override
    {
        memory_restored_ = true;
        return pass_("memory_restored");
    }
    Status give_device_state(View state) override
    {
        return keep_device_state(*vm_, state);
    }
    Result<std::unique_ptr<Domain>> wait_built() override
    {
        if (auto s = pass_("wait_built"); !s) {
            return s.error();
        }
        if (!memory_restored_) {
            return Error(ErrorKind::libxl, "there is no memory yet");
        }
        handed_over_ = true;
        return std::unique_ptr<Domain>(
            std::make_unique<ModelDomain>(access_, domid(), pass_));
    }
    Status abandon() override
    {
        Hypervisor::of_this_process().remove(domid());
        return {};
    }

private:
    std::shared_ptr<Access> access_;
    std::shared_ptr<Vm> vm_;
    const Pass& pass_;
    CalloutArguments arguments_;
    bool memory_restored_ = false;
    bool handed_over_ = false;
};

}  // namespace

ModelHost::ModelHost(std::string name, Log& log, Builder builder)
    : name_(std::move(name)),
      access_(std::make_shared<Access>(log)),
      builder_(std::move(builder))
{
    access_->xc.reset(xc_interface_open(access_->logger.get(),
                                        access_->logger.get(), 0));
    access_->memory.reset(xenforeignmemory_open(access_->logger.get(), 0));
    Hypervisor::of_this_process().observe([this](const char* call) {
        const Status s = pass(std::string("hypercall.") + call);
        return s ? 0 : s.error().code();
    });
}

ModelHost::~ModelHost()
{
    Hypervisor::of_this_process().observe(nullptr);
}

Result<HostFacts> ModelHost::facts()
{
    HostFacts facts;
    facts.name = name_;
    facts.xen = {XL_COLO_XEN_VERSION / 10000, XL_COLO_XEN_VERSION / 100 % 100};
    return facts;
}

Result<std::unique_ptr<Domain>> ModelHost::open(Domid domid,
                                                const OpenOptions&)
{
    return std::unique_ptr<Domain>(
        std::make_unique<ModelDomain>(access_, domid, pass));
}

Result<std::unique_ptr<Incoming>> ModelHost::receive(const std::string&,
                                                     const std::string&,
                                                     const DiskPaths&,
                                                     const OpenOptions&)
{
    if (auto s = pass("receive"); !s) {
        return s.error();
    }
    return std::unique_ptr<Incoming>(
        std::make_unique<ModelIncoming>(access_, builder_(), pass));
}

std::unique_ptr<PageMover> ModelHost::page_mover()
{
    return std::make_unique<ModelMover>(access_, pass);
}

bool ModelHost::suspect_long_dirty_header() const
{
    return compat::suspect_long_dirty_header;
}

Result<DomainFacts> ModelHost::find(const std::string&)
{
    return not_here("names");
}

Result<std::optional<std::string>> ModelHost::taken(const std::string&,
                                                    const std::string&)
{
    return not_here("names");
}

Result<std::string> ModelHost::uuid_of(const std::string&)
{
    return not_here("configurations");
}

Result<uint64_t> ModelHost::memory_needed_kib(const std::string&)
{
    return not_here("configurations");
}

Result<std::unique_ptr<DomainWatch>> ModelHost::watch_domains()
{
    return not_here("xenstore");
}

Result<std::optional<Domid>> ModelHost::carry_out_shutdown(Domid, GuestState)
{
    return not_here("configurations");
}

}  // namespace xl_colo::model
