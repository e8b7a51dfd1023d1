// The guest's program in the benchmark: each time that it runs it dirties the
// pages that it is told to, the same ones on both hosts, and waits.
#pragma once

#include "guest.h"
#include "job.h"
#include "vcpu.h"

namespace xl_colo::bench {

// Pages lie in runs of 16 neighbours, spread evenly over the guest, elsewhere
// each time. Of them the share that the task names, rounded down to whole
// pages, is filled alike on both hosts; which, is drawn anew each time.
class Filler : public model::Program {
public:
    Filler(const model::Layout& layout, const Task& task, Contents contents)
        : layout_(layout), task_(task), contents_(contents)
    {
    }
    model::Then step(model::Registers& registers,
                     model::Bus& bus) const override;

private:
    bool next_differs(model::Registers& registers, uint64_t n) const;
    void fill(model::Bus& bus, uint64_t number, uint64_t n, bool differs) const;

    const model::Layout layout_;
    const Task& task_;
    const Contents contents_;
};

}  // namespace xl_colo::bench
