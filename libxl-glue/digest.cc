#include "digest.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "compat.h"
#include "page_hash.h"

namespace xl_colo {

namespace {

// XEN_DOMCTL_getpageframeinfo3 takes no more at a time.
constexpr size_t batch_pages = 1024;

// A guest's pages in our address space, read-only, as long as this lives.
class Mapping {
public:
    Mapping(xenforeignmemory_handle* memory, Domid domid,
            const std::vector<xen_pfn_t>& gfns)
        : memory_(memory), errors_(gfns.size())
    {
        start_ = static_cast<const uint8_t*>(
            xenforeignmemory_map(memory, domid.value(), PROT_READ, gfns.size(),
                                 gfns.data(), errors_.data()));
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping()
    {
        if (start_ != nullptr) {
            xenforeignmemory_unmap(memory_, const_cast<uint8_t*>(start_),
                                   errors_.size());
        }
    }

    explicit operator bool() const { return start_ != nullptr; }
    bool has(size_t index) const { return errors_[index] == 0; }
    View page(size_t index) const
    {
        return {start_ + index * page_size, page_size};
    }

private:
    xenforeignmemory_handle* memory_;
    const uint8_t* start_ = nullptr;
    std::vector<int> errors_;
};

// Which of `gfns` the guest has. A guest of 32 MiB has a million gfns, nearly
// all of them holes, and to have each refused by a mapping of its own would
// take longer than all the rest of a checkpoint; this asks in thousands.
Result<std::vector<xen_pfn_t>> present(xc_interface* xc, Domid domid,
                                       const std::vector<xen_pfn_t>& gfns)
{
    std::vector<xen_pfn_t> types = gfns;
    if (xc_get_pfn_type_batch(xc, domid.value(),
                              static_cast<unsigned>(types.size()),
                              types.data()) != 0) {
        return hypercall_error("cannot ask for the types of pages", errno);
    }
    std::vector<xen_pfn_t> found;
    for (size_t i = 0; i < gfns.size(); i++) {
        if ((types[i] & XEN_DOMCTL_PFINFO_LTAB_MASK) !=
            XEN_DOMCTL_PFINFO_XTAB) {
            found.push_back(gfns[i]);
        }
    }
    return found;
}

}  // namespace

Result<std::vector<PageDigest>> digest_pages(Access& access, Domid domid,
                                             Pfn first, Pages count, View key)
{
    const PageHash hash(key);
    std::vector<PageDigest> digests(count.value(), PageDigest{});
    for (size_t done = 0; done < digests.size(); done += batch_pages) {
        std::vector<xen_pfn_t> gfns(
            std::min(batch_pages, digests.size() - done));
        std::iota(gfns.begin(), gfns.end(), first.value() + done);

        auto there = present(access.xc.get(), domid, gfns);
        if (!there) {
            return there.error();
        }
        if (there->empty()) {
            continue;
        }
        const Mapping pages(access.memory.get(), domid, *there);
        if (!pages) {
            return hypercall_error("cannot map the guest's memory", errno);
        }
        for (size_t i = 0; i < there->size(); i++) {
            if (pages.has(i)) {
                digests[(*there)[i] - first.value()] = hash(pages.page(i));
            }
        }
    }
    return digests;
}

}  // namespace xl_colo
