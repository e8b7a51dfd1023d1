// Quantities that look alike and must not be mixed. A plain integer does not
// become one of them by itself, nor one of them another.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

namespace xl_colo {

template <typename Tag, typename Rep>
class Quantity {
public:
    constexpr Quantity() = default;
    constexpr explicit Quantity(Rep value) : value_(value) {}
    constexpr Rep value() const { return value_; }
    constexpr auto operator<=>(const Quantity&) const = default;

private:
    Rep value_{};
};

using Domid = Quantity<struct DomidTag, uint32_t>;
// A page's number in the stream and in the guest. For the HVM guests that we
// protect pfn and gfn are the same number, so one type serves both.
using Pfn = Quantity<struct PfnTag, uint64_t>;
using Pages = Quantity<struct PagesTag, uint64_t>;  // of 4 KiB
using Bytes = Quantity<struct BytesTag, uint64_t>;
using CheckpointNumber = Quantity<struct CheckpointTag, uint64_t>;

constexpr uint64_t page_size = 4096;  // XC_PAGE_SIZE, xenctrl.h

using Buffer = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

}  // namespace xl_colo
