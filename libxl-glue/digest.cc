#include "digest.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "page_hash.h"

namespace xl_colo {

namespace {

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

}  // namespace

Result<std::vector<PageDigest>> digest_pages(Access& access, Domid domid,
                                             const std::vector<bool>& present,
                                             Pfn first, Pages count, View key)
{
    const PageHash hash(key);
    std::vector<PageDigest> digests(count.value(), PageDigest{});
    const uint64_t end =
        std::min<uint64_t>(first.value() + count.value(), present.size());
    for (uint64_t next = first.value(); next < end;) {
        std::vector<xen_pfn_t> gfns;
        for (; next < end && gfns.size() < batch_pages; next++) {
            if (present[next]) {
                gfns.push_back(next);
            }
        }
        if (gfns.empty()) {
            break;
        }
        const Mapping pages(access.memory.get(), domid, gfns);
        if (!pages) {
            return hypercall_error("cannot map the guest's memory", errno);
        }
        for (size_t i = 0; i < gfns.size(); i++) {
            if (pages.has(i)) {
                digests[gfns[i] - first.value()] = hash(pages.page(i));
            }
        }
    }
    return digests;
}

}  // namespace xl_colo
