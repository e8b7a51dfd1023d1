// The network card of a guest whose copy runs as well: on the primary, a card
// whose output goes out as soon as the copy has put out the same
// (compare/compared_output.h), and whose input the copy gets, too.
//
//     may_run(n)     input is told to the other host from here on, as n's
//     from there     output of the copy as n has made it
//
// Where the copy stands from n to the next checkpoint, copy_will_run(), nothing
// is told, what is heard says nothing, and output waits for that checkpoint, as
// in network/network_card.h.
//
// The secondary's half is compare/copys_card.h.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/units.h"
#include "compare/compared_output.h"
#include "compare/courier.h"
#include "network/network_card.h"

namespace xl_colo {

class ComparedCard : public CheckpointDevice {
public:
    ComparedCard(const DeviceFacts& facts, const DeviceContext& context);
    ~ComparedCard() override;

    Status set_up(Domain& domain) override;
    Status guest_will_stand(CheckpointNumber number) override;
    Status may_run(CheckpointNumber number) override;
    Status committed(CheckpointNumber number) override;
    void copy_will_run(bool runs) override { copy_runs_ = runs; }
    OutputFelt output_felt() const override;
    void protection_ended(State how) override;
    void tear_down() override;
    DeviceStatus status() const override;

private:
    std::unique_ptr<OutputQueue> make_queue(size_t interface,
                                            OutputQueue::Sink sink);
    Status hear(View words);
    void take(const CardMessage& message);

    const DeviceContext context_;
    const std::string name_;
    const Buffer hash_key_;
    bool copy_runs_ = true;  // from the next may_run() on
    // Of may_run()'s checkpoint, where the copy runs: for what the guest gets,
    // from its own thread.
    std::atomic<uint64_t> number_{UINT64_MAX};
    std::vector<ComparedOutput*> outputs_;  // the interfaces' own
    std::unique_ptr<Courier> courier_;      // while it is set up
    NetworkCard card_;                      // last: its threads use the others
};

// Cards of guests whose copies run.
const DeviceKind& compared_card_kind();

}  // namespace xl_colo
