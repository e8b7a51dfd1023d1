// A guest for the model: what libxl and hvmloader make of an HVM domain before
// its first instruction.
#pragma once

#include "vm.h"

namespace xl_colo::model {

// As libxenguest lays it out (xg_dom_x86.c, Xen 4.17): RAM from 0 on, with the
// hole for VGA and the one below 4 GiB, under whose end are the special pages.
// So a small guest has a million gfns too.
struct Layout {
    Pages ram;
    Pages gfns;
    Pfn special_end;  // behind the special pages

    static Layout of(Bytes memory);
    // With the special pages behind the RAM, which is to end below 4 GiB: so
    // libxc has no million of pages to look at that are not there.
    static Layout without_hole(Bytes memory);
    // The n-th page of RAM.
    Pfn at(uint64_t n) const;
};

// Makes an empty domain a guest. The contents of its RAM come from `seed`: a
// third zeros, a third text, a third noise. Without one it is all zero.
void build(Vm& vm, const Layout& layout, std::optional<uint64_t> seed);

// How the copy differs from the guest, as their programs can know it: in RAM,
// registers and device state. Pages of the hypervisor's own lie elsewhere.
struct Difference {
    uint64_t pages;
    bool registers, devices;
};
Difference difference(const Layout& layout, const Image& guest,
                      const Image& copy);

// A generator in 64 bits of state, any state: splitmix64 (Steele, Lea, Flood,
// 2014).
uint64_t next_random(uint64_t& state);

}  // namespace xl_colo::model
