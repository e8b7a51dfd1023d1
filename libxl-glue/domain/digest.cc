#include "domain/digest.h"

#include <algorithm>
#include <cerrno>

#include "domain/guest_memory.h"
#include "domain/page_hash.h"

namespace xl_colo {

namespace {

constexpr size_t batch_pages = 1024;

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
