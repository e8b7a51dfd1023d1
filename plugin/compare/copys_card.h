// The network card of a copy that runs beside its guest, on the secondary.
//
//     guest_stands(n)  what it has sent is with the other host; then its
//                      backend lets go of it, and writes nothing into it
//     committed(n)     what the guest got before n it needs no more
//     may_run(n)       its driver connects anew; from then on it gets what the
//                      guest has got since n, and what it sends is told
//     may_run(n - 1)   as it was: n was not committed
//     neither          it stands from one checkpoint to the next: it is let go
//                      of already, gets nothing and says nothing
//     take_over        it is on the wire; RARP
//
// The primary's half is compare/compared_card.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compare/copy_pump.h"
#include "compare/courier.h"
#include "devices/device_kind.h"
#include "network/gate.h"

namespace xl_colo {

class CopysCard : public CheckpointDevice {
public:
    CopysCard(DeviceFacts facts, const DeviceContext& context);
    ~CopysCard() override;

    Status set_up(Domain& domain) override;
    Status guest_stands(CheckpointNumber number) override;
    Status committed(CheckpointNumber number) override;
    Status may_run(CheckpointNumber number) override;
    void take_over() override;
    void protection_ended(State how) override;
    void tear_down() override;
    DeviceStatus status() const override;

private:
    Status hear(View words);
    void take(CheckpointNumber number, const CardMessage& message);
    void report(const Status& status);

    const DeviceFacts facts_;
    const DeviceContext context_;
    Domain* domain_ = nullptr;  // from set_up() on
    std::unique_ptr<Courier> courier_;
    // May outlive the card, once the copy is the guest.
    struct Interface {
        Gate gate;
        std::unique_ptr<CopyPump> pump;  // over the gate's taps
    };
    std::vector<std::shared_ptr<Interface>> interfaces_;
    // How far its driver was when it was made to stand, until what is put in
    // has it begin anew.
    std::optional<unsigned> frontend_;
    bool ran_ = false;  // may_run() was, and guest_stands() was not
    bool took_over_ = false;
};

}  // namespace xl_colo
