#include "network/network_card.h"

#include <algorithm>
#include <utility>

#include "network/card_interfaces.h"
#include "network/committed_output.h"

namespace xl_colo {

namespace {

using Output = FramePump::Output;

// Of one interface. A guest that sends 1 Gbit/s fills this in half a second: a
// checkpoint that takes longer has it stand.
constexpr FramePump::Bounds bounds{Bytes{64 << 20}, 65536};

}  // namespace

NetworkCard::NetworkCard(DeviceFacts facts, const DeviceContext& context)
    : NetworkCard(std::move(facts), context,
                  {[](size_t, OutputQueue::Sink sink) {
                       return make_committed_output(std::move(sink));
                   },
                   {}})
{
}

NetworkCard::NetworkCard(DeviceFacts facts, const DeviceContext& context,
                         Handling handling)
    : facts_(std::move(facts)),
      context_(context),
      handling_(std::move(handling))
{
}

Status NetworkCard::set_up(Domain& domain)
{
    domain_ = &domain;
    const Domid domid = domain.domid();
    const bool is_copys = context_.role == Role::secondary;
    for (const CardInterface& card : interfaces_of(facts_.card, domid)) {
        auto gate = Gate::set_up(
            card.name, tap_names(domid, facts_.card.number, card.emulated));
        if (!gate) {
            return gate.error();
        }
        const size_t place = interfaces_.size();
        std::function<void(TapFrame)> input;
        if (handling_.input) {
            input = [this, place](TapFrame frame) {
                handling_.input(place, frame);
            };
        }
        auto interface = std::make_unique<Interface>(std::move(*gate));
        interface->pump = std::make_unique<FramePump>(
            interface->gate.output(), interface->gate.input(),
            is_copys ? Output::is_dropped : Output::passes, bounds,
            [this, place](OutputQueue::Sink sink) {
                return handling_.make_queue(place, std::move(sink));
            },
            FramePump::Listener{context_.ask_for_checkpoint,
                                [this] { hold_guest(); }, std::move(input)},
            context_.log);
        interfaces_.push_back(std::move(interface));
    }
    return {};
}

Status NetworkCard::guest_will_stand(CheckpointNumber)
{
    {
        const std::lock_guard lock(pausing_);
        may_pause_ = false;
    }
    let_guest_go();
    ended_ = State::held;
    for (const auto& interface : interfaces_) {
        if (auto s = interface->pump->health(); !s) {
            return s;
        }
        if (!context_.left_out.contains(without_output_hold)) {
            interface->pump->set_output(Output::waits);
        }
        interface->pump->set_input(false);
    }
    return {};
}

// Once for each checkpoint, while the guest stands: with --verify it does so
// until after the commit.
void NetworkCard::mark(CheckpointNumber number)
{
    if (marked_ == number) {
        return;
    }
    for (const auto& interface : interfaces_) {
        interface->pump->mark(number);
    }
    marked_ = number;
}

Status NetworkCard::may_run(CheckpointNumber number)
{
    if (context_.role == Role::secondary) {
        return {};
    }
    mark(number);
    for (const auto& interface : interfaces_) {
        interface->pump->set_input(true);
    }
    const std::lock_guard lock(pausing_);
    may_pause_ = true;
    // As much may have come to wait since it was asked to stand.
    if (std::ranges::any_of(interfaces_, [](const auto& interface) {
            return bounds.are_reached_by(interface->pump->figures().held);
        })) {
        pause();
    }
    return {};
}

Status NetworkCard::committed(CheckpointNumber number)
{
    if (context_.role == Role::secondary) {
        return {};
    }
    mark(number);
    for (const auto& interface : interfaces_) {
        interface->pump->release(number);
    }
    let_guest_go();
    return {};
}

void NetworkCard::take_over()
{
    took_over_ = true;
    const auto mac = parse_mac(facts_.name);
    for (const auto& interface : interfaces_) {
        interface->pump->open();
        if (mac) {
            report(interface->pump->send(rarp_announcement(*mac)));
        }
    }
}

void NetworkCard::protection_ended(State how)
{
    ended_ = how;
    const bool here = how == State::unprotected || how == State::taken_over;
    for (const auto& interface : interfaces_) {
        if (here) {
            interface->pump->open();
        } else {
            interface->pump->set_output(Output::is_dropped);
        }
    }
    {
        const std::lock_guard lock(pausing_);
        may_pause_ = false;
    }
    let_guest_go();
}

void NetworkCard::tear_down()
{
    for (const auto& interface : interfaces_) {
        interface->pump.reset();
        if (ended_ == State::held) {
            interface->gate.leave_closed();
        } else {
            report(interface->gate.remove());
        }
    }
    if (ended_ == State::held) {
        for (const CardInterface& card :
             interfaces_of(facts_.card, domain_->domid())) {
            context_.log.warn("card " + facts_.name + " stays cut off, as the "
                              "guest may be the other host's: if it goes on "
                              "here, \"tc qdisc del dev " + card.name +
                              " clsact\"");
        }
    }
    interfaces_.clear();
}

OutputQueue::Figures NetworkCard::figures() const
{
    OutputQueue::Figures all;
    for (const auto& interface : interfaces_) {
        const auto figures = interface->pump->figures();
        all.frames += figures.held.frames;
        all.bytes += figures.held.bytes;
        all.committed += figures.held.committed;
        all.at_once += figures.passed;
    }
    return all;
}

OutputQueue::Waits NetworkCard::waits() const
{
    OutputQueue::Waits all;
    for (const auto& interface : interfaces_) {
        const auto its = interface->pump->waits();
        all.confirmed.add(its.confirmed);
        all.committed.add(its.committed);
    }
    return all;
}

std::string in_words(const HoldTimes& waits)
{
    const auto ms = [](HoldTimes::Time time) {
        return std::to_string(time.count() / 1000) + " ms";
    };
    return "half of them within " + ms(waits.median()) + ", all within " +
           ms(waits.longest());
}

DeviceStatus NetworkCard::status() const
{
    const OutputQueue::Figures all = figures();
    if (context_.role == Role::secondary) {
        return {facts_.name, "network-card",
                took_over_ ? "open" : "closed until it takes over"};
    }
    return {facts_.name, "network-card",
            std::to_string(all.frames) + " frames (" +
                std::to_string(all.bytes / 1024) + " KiB) wait; " +
                std::to_string(all.committed) +
                " let out with their checkpoint (" +
                in_words(waits().committed) + "), " +
                std::to_string(all.at_once) + " without"};
}

// ---- back pressure ---------------------------------------------------------

// The interface's thread.
void NetworkCard::hold_guest()
{
    context_.ask_for_checkpoint("as much output waits as may");
    const std::lock_guard lock(pausing_);
    pause();
}

// With the lock.
void NetworkCard::pause()
{
    if (may_pause_ && !paused_) {
        paused_ = bool(context_.pause_guest());
    }
}

void NetworkCard::let_guest_go()
{
    const std::lock_guard lock(pausing_);
    if (!paused_) {
        return;
    }
    const Status runs = context_.unpause_guest();
    paused_ = !runs;
    report(runs);
}

void NetworkCard::report(const Status& status)
{
    if (!status) {
        context_.log.warn("card " + facts_.name + ": " +
                          status.error().text());
    }
}

// ---- the kind --------------------------------------------------------------

namespace {

class NetworkCardKind : public DeviceKind {
public:
    bool takes(const DeviceFacts& device) const override
    {
        return device.type == DeviceType::network_card;
    }
    Status check(const std::vector<DeviceFacts>& mine) const override
    {
        return each(mine, check_card);
    }
    Status check_host(const std::vector<DeviceFacts>& mine) const override
    {
        return each(mine, check_host_for_card);
    }
    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& device, const DeviceContext& context) const override
    {
        return std::make_unique<NetworkCard>(device, context);
    }

private:
    static Status each(const std::vector<DeviceFacts>& cards,
                       Status (*check)(const DeviceFacts&))
    {
        for (const DeviceFacts& card : cards) {
            if (auto s = check(card); !s) {
                return s;
            }
        }
        return {};
    }
};

}  // namespace

const DeviceKind& network_card_kind()
{
    static const NetworkCardKind kind;
    return kind;
}

}  // namespace xl_colo
