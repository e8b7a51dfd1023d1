#include "compare/copys_card.h"

#include <utility>

#include "base/random.h"
#include "network/announcement.h"
#include "network/card_interfaces.h"
#include "network/interface_state.h"

namespace xl_colo {

namespace {

constexpr Bytes most_on_the_way{64 << 20};

}  // namespace

CopysCard::CopysCard(DeviceFacts facts, const DeviceContext& context)
    : facts_(std::move(facts)), context_(context)
{
}

CopysCard::~CopysCard() = default;

Status CopysCard::set_up(Domain& domain)
{
    domain_ = &domain;
    const Domid domid = domain.domid();
    const Buffer hash_key = random_bytes(flow_key_size);
    courier_ = std::make_unique<Courier>(*context_.channel, context_.place,
                                         most_on_the_way);
    for (const CardInterface& card : interfaces_of(facts_.card, domid)) {
        auto gate = Gate::set_up(
            card.name, tap_names(domid, facts_.card.number, card.emulated));
        if (!gate) {
            return gate.error();
        }
        const auto place = static_cast<uint8_t>(interfaces_.size());
        auto interface = std::make_shared<Interface>(std::move(*gate));
        interface->pump = std::make_unique<CopyPump>(
            interface->gate.output(), interface->gate.input(), hash_key,
            [this, place](CheckpointNumber number, CardMessage::Kind kind,
                          View bytes) {
                courier_->put(number, {kind, place, bytes});
            },
            [name = card.name] { return takes_frames(name); }, context_.log);
        interfaces_.push_back(std::move(interface));
    }
    context_.channel->listen(context_.place,
                             [this](View words) { return hear(words); });
    return {};
}

// The link's thread.
Status CopysCard::hear(View words)
{
    Status heard;
    const Status read = read_messages(
        words, [&](CheckpointNumber number, const CardMessage& message) {
            if (message.interface >= interfaces_.size()) {
                return;
            }
            if (message.kind == CardMessage::Kind::mapping) {
                const auto mapping = decode_mapping(message.bytes);
                if (mapping) {
                    interfaces_[message.interface]->pump->learn(number,
                                                                *mapping);
                    courier_->put(number, {CardMessage::Kind::mapped,
                                           message.interface,
                                           {}});
                } else {
                    heard = mapping.error();
                }
            } else if (message.kind == CardMessage::Kind::frame) {
                interfaces_[message.interface]->pump->input(number,
                                                            message.bytes);
            }
        });
    return read ? heard : read;
}

Status CopysCard::guest_stands(CheckpointNumber)
{
    if (!std::exchange(ran_, false)) {
        for (const auto& interface : interfaces_) {
            interface->pump->stand_on();
        }
        return {};
    }
    for (const auto& interface : interfaces_) {
        interface->pump->stop();
    }
    // The other host is to have it before it hears that the copy stands.
    courier_->flush();
    const auto before = domain_->release_card(facts_.card.number);
    if (!before) {
        return before.error();
    }
    frontend_ = *before;
    return {};
}

Status CopysCard::committed(CheckpointNumber number)
{
    frontend_.reset();
    for (const auto& interface : interfaces_) {
        interface->pump->begin(number);
    }
    return {};
}

Status CopysCard::may_run(CheckpointNumber)
{
    if (frontend_) {
        if (auto s = domain_->restore_card(facts_.card.number, *frontend_);
            !s) {
            return s;
        }
        frontend_.reset();
    } else {
        // The copy may have been made to stand while xenstored had yet to read
        // that its driver is connected; it has now.
        const auto released = domain_->release_card(facts_.card.number);
        if (!released) {
            return released.error();
        }
    }
    ran_ = true;
    for (const auto& interface : interfaces_) {
        interface->pump->go();
    }
    return {};
}

void CopysCard::take_over()
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

void CopysCard::protection_ended(State)
{
    if (context_.channel) {
        context_.channel->listen(context_.place, {});
    }
}

void CopysCard::tear_down()
{
    protection_ended(State::ended);
    for (auto& interface : interfaces_) {
        const bool is_needed = took_over_ && context_.keep_with_guest &&
                               interface->pump->mappings() > 0;
        if (is_needed) {
            // Their peers know other numbers than the guest does.
            context_.keep_with_guest(std::move(interface));
            continue;
        }
        interface->pump.reset();
        report(interface->gate.remove());
    }
    interfaces_.clear();
    courier_.reset();
}

DeviceStatus CopysCard::status() const
{
    CopyPump::Figures all;
    for (const auto& interface : interfaces_) {
        const auto figures = interface->pump->figures();
        all.input += figures.input;
        all.dropped += figures.dropped;
        all.output += figures.output;
        all.waiting += figures.waiting;
    }
    return {facts_.name, "network-card",
            took_over_ ? "open"
                       : "compared: got " + std::to_string(all.input) +
                             " frames of the guest's, " +
                             std::to_string(all.waiting) + " wait, " +
                             std::to_string(all.dropped) + " lost; sent " +
                             std::to_string(all.output)};
}

void CopysCard::report(const Status& status)
{
    if (!status) {
        context_.log.warn("card " + facts_.name + ": " +
                          status.error().text());
    }
}

}  // namespace xl_colo
