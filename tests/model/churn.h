// The guest's program for tests of correctness. It writes in several manners,
// in part the same on both hosts and in part not, and keeps the sum of all its
// memory in a register: so memory and registers of two different moments do not
// fit together, and whoever has both can tell.
#pragma once

#include "guest.h"
#include "vcpu.h"

namespace xl_colo::model {

class Churn : public Program {
public:
    explicit Churn(const Layout& layout) : layout_(layout) {}

    // Before the first step: takes the sum over what is there.
    void prepare(Vm& vm) const;
    Then step(Registers& registers, Bus& bus) const override;

    // Whether a guest that stands still is what its program left.
    bool is_sound(const Image& image) const;
    static uint64_t steps_of(const Image& image);

private:
    void add(Registers& registers, Bus& bus, Pfn page, size_t word,
             uint64_t value) const;
    uint64_t sum_of(const Image& image) const;

    const Layout layout_;
};

}  // namespace xl_colo::model
