// The memory of a guest, to look at.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// A digest of one page; all zero for a page that the guest does not have.
using PageDigest = std::array<uint8_t, 16>;

// So many are looked at or asked for at once: a mapping costs by the call and
// by the page, and more of them would only take memory.
constexpr size_t pages_at_a_time = 1024;

// The memory of a domain that stands still, to look at.
class GuestMemory {
public:
    virtual ~GuestMemory() = default;
    // Calls look() with a view of each page, empty for one that the guest does
    // not have; they are valid during the call only. Error hypercall.
    using Look = std::function<void(std::span<const View> pages)>;
    virtual Status look_at(const std::vector<Pfn>& pages,
                           const Look& look) = 0;
};

}  // namespace xl_colo
