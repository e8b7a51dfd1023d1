// The pfns of a DIRTY_LIST, before the primary's libxc sets a bit for each.
#include <cstdlib>
#include <cstring>
#include <set>

#include "dirty_set.h"
#include "migration_stream.h"

using namespace xl_colo;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    constexpr Pages gfns{1 << 16};
    bool good = size % 8 == 0;
    std::set<uint64_t> naive;
    for (size_t at = 0; good && at < size; at += 8) {
        uint64_t pfn;
        std::memcpy(&pfn, data + at, sizeof(pfn));
        good = pfn < gfns.value() &&
               (naive.empty() || pfn > *naive.rbegin());
        naive.insert(pfn);
    }
    const auto pages = check_dirty_list(View(data, size), gfns);
    if (static_cast<bool>(pages) != good ||
        (good && *pages != Pages{naive.size()})) {
        std::abort();
    }
    if (good) {
        DirtySet set(gfns);
        for (const uint64_t pfn : naive) {
            set.insert(Pfn{pfn});
        }
        if (set.size() != *pages) {
            std::abort();
        }
    }
    return 0;
}
