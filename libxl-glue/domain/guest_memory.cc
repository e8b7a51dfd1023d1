#include "domain/guest_memory.h"

#include <sys/mman.h>

#include <cerrno>

namespace xl_colo {

namespace {

class ForeignGuestMemory : public GuestMemory {
public:
    ForeignGuestMemory(ForeignMemory memory, Domid domid)
        : memory_(std::move(memory)), domid_(domid)
    {
    }

    Status look_at(const std::vector<Pfn>& pages, const Look& look) override
    {
        std::vector<xen_pfn_t> gfns;
        gfns.reserve(pages.size());
        for (const Pfn pfn : pages) {
            gfns.push_back(pfn.value());
        }
        const Mapping mapping(memory_.get(), domid_, gfns);
        if (!mapping) {
            return hypercall_error("cannot map the guest's memory", errno);
        }
        std::vector<View> views;
        views.reserve(pages.size());
        for (size_t i = 0; i < pages.size(); ++i) {
            views.push_back(mapping.has(i) ? mapping.page(i) : View());
        }
        look(views);
        return {};
    }

private:
    ForeignMemory memory_;
    Domid domid_;
};

}  // namespace

Mapping::Mapping(xenforeignmemory_handle* memory, Domid domid,
                 const std::vector<xen_pfn_t>& gfns)
    : memory_(memory), errors_(gfns.size())
{
    start_ = static_cast<const uint8_t*>(
        xenforeignmemory_map(memory, domid.value(), PROT_READ, gfns.size(),
                             gfns.data(), errors_.data()));
}

Mapping::~Mapping()
{
    if (start_ != nullptr) {
        xenforeignmemory_unmap(memory_, const_cast<uint8_t*>(start_),
                               errors_.size());
    }
}

Result<std::unique_ptr<GuestMemory>> open_guest_memory(
    xentoollog_logger* logger, Domid domid)
{
    ForeignMemory memory(xenforeignmemory_open(logger, 0));
    if (!memory) {
        return hypercall_error("cannot open foreign memory", errno);
    }
    return std::unique_ptr<GuestMemory>(
        std::make_unique<ForeignGuestMemory>(std::move(memory), domid));
}

}  // namespace xl_colo
