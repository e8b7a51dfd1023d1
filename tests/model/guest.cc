#include "guest.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace xl_colo::model {

namespace {

// In gfns, as in xg_dom_x86.c and xen/hvm/e820.h.
constexpr uint64_t vga_hole = 0xa0;
constexpr uint64_t vga_hole_end = 0xc0;
constexpr uint64_t mmio_hole = 0xf0000;
constexpr uint64_t four_gib = 0x100000;
constexpr uint64_t hvmloaders_end = 0xff000;  // of special pages
constexpr uint64_t special_pages = 8;
constexpr uint64_t ioreq_server_pages = 8;

// Its place is counted from the first special page, as SPECIALPAGE_* there.
struct SpecialPage {
    uint32_t parameter;
    uint64_t place;
};

constexpr SpecialPage special[] = {
    {HVM_PARAM_PAGING_RING_PFN, 0}, {HVM_PARAM_MONITOR_RING_PFN, 1},
    {HVM_PARAM_SHARING_RING_PFN, 2}, {HVM_PARAM_BUFIOREQ_PFN, 3},
    {HVM_PARAM_STORE_PFN, 4},        {HVM_PARAM_IOREQ_PFN, 5},
    {HVM_PARAM_CONSOLE_PFN, 7},
};
constexpr uint64_t ident_pt_place = 6;

CpuPolicy small_policy()
{
    CpuPolicy policy;
    // Maximum leaf 1, "AuthenticAMD"; maximum extended leaf 0x80000001.
    policy.leaves = {
        {0, XEN_CPUID_NO_SUBLEAF, 1, 0x68747541, 0x444d4163, 0x69746e65},
        {1, XEN_CPUID_NO_SUBLEAF, 0x800f12, 0, 0x80202001, 0x178bfbff},
        {0x80000000, XEN_CPUID_NO_SUBLEAF, 0x80000001, 0x68747541, 0x444d4163,
         0x69746e65},
        {0x80000001, XEN_CPUID_NO_SUBLEAF, 0x800f12, 0, 0, 0x2fd3fbff},
    };
    return policy;
}

void fill(uint8_t* page, uint64_t& random)
{
    constexpr std::string_view text =
        "It is a truth universally acknowledged, that a single page in "
        "possession of a good fortune must be in want of a copy. ";
    switch (next_random(random) % 3) {
    case 0:
        break;  // the page is new, and zero
    case 1:
        for (size_t at = 0; at < page_size; at += text.size()) {
            std::memcpy(page + at, text.data(),
                        std::min(text.size(), page_size - at));
        }
        break;
    default:
        for (size_t at = 0; at < page_size; at += sizeof(uint64_t)) {
            const uint64_t word = next_random(random);
            std::memcpy(page + at, &word, sizeof word);
        }
    }
}

}  // namespace

Pfn Layout::at(uint64_t n) const
{
    if (n >= vga_hole) {
        n += vga_hole_end - vga_hole;
    }
    if (n >= mmio_hole) {
        n += four_gib - mmio_hole;
    }
    return Pfn{n};
}

Layout Layout::of(Bytes memory)
{
    Layout layout{Pages{memory.value() / page_size}, {}, Pfn{hvmloaders_end}};
    const Pfn last = layout.at(layout.ram.value() - 1);
    layout.gfns = Pages{std::max(last.value() + 1, hvmloaders_end)};
    return layout;
}

Layout Layout::without_hole(Bytes memory)
{
    Layout layout = of(memory);
    layout.special_end = Pfn{layout.at(layout.ram.value() - 1).value() + 1 +
                             ioreq_server_pages + special_pages};
    layout.gfns = Pages{layout.special_end.value()};
    return layout;
}

Difference difference(const Layout& layout, const Image& guest,
                      const Image& copy)
{
    Difference found{};
    for (uint64_t n = 0; n < layout.ram.value(); ++n) {
        const Pfn pfn = layout.at(n);
        const bool there = guest.has(pfn);
        found.pages +=
            there != copy.has(pfn) ||
            (there && std::memcmp(guest.page(pfn), copy.page(pfn),
                                  page_size) != 0);
    }
    const Machine& here = guest.machine();
    const Machine& theirs = copy.machine();
    found.registers = here.vcpus != theirs.vcpus;
    found.devices = here.device_state_size != theirs.device_state_size ||
                    here.device_state != theirs.device_state;
    return found;
}

uint64_t next_random(uint64_t& state)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void build(Vm& vm, const Layout& layout, std::optional<uint64_t> seed)
{
    for (uint64_t n = 0; n < layout.ram.value(); ++n) {
        vm.add(layout.at(n));
        if (seed) {
            fill(vm.image().page(layout.at(n)), *seed);
        }
    }
    const uint64_t end = layout.special_end.value();
    const uint64_t first_special = end - special_pages;
    const uint64_t first_ioreq = first_special - ioreq_server_pages;
    for (uint64_t gfn = first_ioreq; gfn < end; ++gfn) {
        vm.add(Pfn{gfn});
    }
    for (const auto& page : special) {
        vm.set_param(page.parameter, first_special + page.place);
    }
    vm.set_param(HVM_PARAM_IDENT_PT,
                 (first_special + ident_pt_place) * page_size);
    vm.set_param(HVM_PARAM_IOREQ_SERVER_PFN, first_ioreq);
    vm.set_param(HVM_PARAM_NR_IOREQ_SERVER_PAGES, ioreq_server_pages);
    vm.set_cpu_policy(small_policy());
    vm.set_tsc({1, 2'000'000, 1, 12'345'678});
}

}  // namespace xl_colo::model
