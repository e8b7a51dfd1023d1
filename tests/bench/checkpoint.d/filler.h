// The guest's program in the benchmark: each time that it runs it dirties the
// pages that it is told to, the same ones on both hosts, and waits.
#pragma once

#include "guest.h"
#include "job.h"
#include "vcpu.h"

namespace xl_colo::bench {

// Pages lie in runs of 16 neighbours, spread evenly over the guest, elsewhere
// each time. Which of them are filled alike on both hosts is decided for each
// by itself.
class Filler : public model::Program {
public:
    Filler(const model::Layout& layout, const Task& task, Contents contents)
        : layout_(layout), task_(task), contents_(contents)
    {
    }
    model::Then step(model::Registers& registers,
                     model::Bus& bus) const override;

private:
    void fill(model::Bus& bus, uint64_t number, uint64_t n) const;

    const model::Layout layout_;
    const Task& task_;
    const Contents contents_;
};

}  // namespace xl_colo::bench
