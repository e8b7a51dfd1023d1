// A network card under output commit: nothing that the guest sends leaves its
// host before the checkpoint that contains it is on both. Its copy's card says
// nothing at all until it takes over, and then where it is now.
//
//     primary    guest_will_stand(n)  what is for the guest waits from here on,
//                                     so that nothing is written into it
//                may_run(n)           what it has sent until now is n's
//                committed(n)         and goes out
//     secondary  take_over            the gate opens; RARP
//
// Checkpoint 0's output is not held before the guest stands for it: there is no
// other host yet that could go on without it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "devices/device_kind.h"
#include "network/announcement.h"
#include "network/frame_pump.h"
#include "network/gate.h"

namespace xl_colo {

class NetworkCard : public CheckpointDevice {
public:
    // How its output waits, and who else gets its input; both of the
    // interfaces_of() that it is, by their places there. `input` may be empty,
    // and must not block.
    struct Handling {
        std::function<std::unique_ptr<OutputQueue>(size_t, OutputQueue::Sink)>
            make_queue;
        std::function<void(size_t, TapFrame)> input;
    };

    NetworkCard(DeviceFacts facts, const DeviceContext& context);
    NetworkCard(DeviceFacts facts, const DeviceContext& context,
                Handling handling);

    Status set_up(Domain& domain) override;
    Status guest_will_stand(CheckpointNumber number) override;
    Status may_run(CheckpointNumber number) override;
    Status committed(CheckpointNumber number) override;
    void take_over() override;
    void protection_ended(State how) override;
    void tear_down() override;
    DeviceStatus status() const override;

    // Of all its interfaces.
    OutputQueue::Figures figures() const;
    OutputQueue::Waits waits() const;
    // See FramePump. Not before set_up(), nor after tear_down().
    void use_queue(size_t interface, const std::function<void()>& use) const
    {
        interfaces_[interface]->pump->use_queue(use);
    }

private:
    void mark(CheckpointNumber number);
    void hold_guest();
    void pause();
    void let_guest_go();
    void report(const Status& status);

    const DeviceFacts facts_;
    DeviceContext context_;
    const Handling handling_;
    Domain* domain_ = nullptr;  // from set_up() on
    struct Interface {
        Gate gate;
        std::unique_ptr<FramePump> pump;  // over the gate's taps
    };
    std::vector<std::unique_ptr<Interface>> interfaces_;
    std::optional<CheckpointNumber> marked_;  // the last
    std::atomic<bool> took_over_{false};
    // Where the guest is at the end; held, as long as nobody has said so and it
    // may be the other host's.
    State ended_ = State::unprotected;

    // As much waits as may, and the guest is paused until its checkpoint is
    // committed. Not while it has to answer a request to suspend.
    std::mutex pausing_;
    bool may_pause_ = false, paused_ = false;
};

// Of frames that had to wait, in words: "half of them within 12 ms, all within
// 95 ms".
std::string in_words(const HoldTimes& waits);

// Cards of PV drivers and emulated ones, whose backends are in domain 0.
const DeviceKind& network_card_kind();

}  // namespace xl_colo
