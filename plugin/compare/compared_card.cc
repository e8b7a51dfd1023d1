#include "compare/compared_card.h"

#include <utility>

#include "base/random.h"
#include "compare/copys_card.h"

namespace xl_colo {

namespace {

// What the copy has not got yet. Beyond that it misses frames, and answers
// otherwise: which costs a checkpoint.
constexpr Bytes most_on_the_way{64 << 20};

constexpr uint64_t none_yet = UINT64_MAX;

}  // namespace

ComparedCard::ComparedCard(const DeviceFacts& facts,
                           const DeviceContext& context)
    : context_(context),
      name_(facts.name),
      hash_key_(random_bytes(flow_key_size)),
      card_(facts, context,
            {[this](size_t interface, OutputQueue::Sink sink) {
                 return make_queue(interface, std::move(sink));
             },
             [this](size_t interface, TapFrame frame) {
                 if (number_ != none_yet) {
                     courier_->put(CheckpointNumber{number_},
                                   {CardMessage::Kind::frame,
                                    static_cast<uint8_t>(interface),
                                    frame.bytes()});
                 }
             }})
{
}

ComparedCard::~ComparedCard() = default;

// By set_up(), once for each interface.
std::unique_ptr<OutputQueue> ComparedCard::make_queue(size_t interface,
                                                      OutputQueue::Sink sink)
{
    auto queue = std::make_unique<ComparedOutput>(
        std::move(sink), context_.compare_timeout, hash_key_,
        [this, interface](CheckpointNumber number,
                          const SequenceMapping& mapping) {
            courier_->put(number, {CardMessage::Kind::mapping,
                                   static_cast<uint8_t>(interface),
                                   encode_mapping(mapping)});
        });
    outputs_.push_back(queue.get());
    return queue;
}

Status ComparedCard::set_up(Domain& domain)
{
    courier_ = std::make_unique<Courier>(*context_.channel, context_.place,
                                         most_on_the_way);
    if (auto s = card_.set_up(domain); !s) {
        return s;
    }
    context_.channel->listen(context_.place,
                             [this](View words) { return hear(words); });
    return {};
}

// The link's thread.
Status ComparedCard::hear(View words)
{
    return read_messages(
        words, [this](CheckpointNumber number, const CardMessage& message) {
            // Of a copy as it was before says nothing any more.
            const uint64_t now = number_;
            if (now != none_yet && number.value() == now &&
                message.interface < outputs_.size()) {
                take(message);
            }
        });
}

void ComparedCard::take(const CardMessage& message)
{
    ComparedOutput& output = *outputs_[message.interface];
    card_.use_queue(message.interface, [&] {
        switch (message.kind) {
        case CardMessage::Kind::frame:
            output.from_copy(TapFrame(message.bytes));
            break;
        case CardMessage::Kind::question:
            output.ask_wire(TapFrame(message.bytes));
            break;
        case CardMessage::Kind::connected:
            output.copy_connects(OutputQueue::Clock::now());
            break;
        case CardMessage::Kind::mapped:
            output.mapping_arrives();
            break;
        case CardMessage::Kind::mapping:
            break;
        }
    });
}

Status ComparedCard::guest_will_stand(CheckpointNumber number)
{
    return card_.guest_will_stand(number);
}

Status ComparedCard::may_run(CheckpointNumber number)
{
    // Nothing comes in before the card lets it, and the guest stands until
    // this is done.
    number_ = copy_runs_ ? number.value() : none_yet;
    const Status may = card_.may_run(number);
    for (size_t i = 0; i < outputs_.size(); ++i) {
        card_.use_queue(i, [&] { outputs_[i]->set_copy_runs(copy_runs_); });
    }
    return may;
}

OutputFelt ComparedCard::output_felt() const
{
    OutputFelt all;
    for (size_t i = 0; i < outputs_.size(); ++i) {
        card_.use_queue(i, [&] { all += outputs_[i]->felt(); });
    }
    return all;
}

Status ComparedCard::committed(CheckpointNumber number)
{
    return card_.committed(number);
}

void ComparedCard::protection_ended(State how)
{
    context_.channel->listen(context_.place, {});
    number_ = none_yet;
    card_.protection_ended(how);
}

void ComparedCard::tear_down()
{
    context_.channel->listen(context_.place, {});
    outputs_.clear();
    card_.tear_down();
    courier_.reset();
}

DeviceStatus ComparedCard::status() const
{
    const OutputQueue::Figures all = card_.figures();
    const OutputQueue::Waits waits = card_.waits();
    std::string differences;
    for (size_t i = 0; i < outputs_.size(); ++i) {
        card_.use_queue(i, [&] {
            differences += (i == 0 ? "" : "; emulated: ") +
                           outputs_[i]->differences();
        });
    }
    return {name_, "network-card",
            std::to_string(all.frames) + " frames (" +
                std::to_string(all.bytes / 1024) + " KiB) wait; " +
                std::to_string(all.at_once) +
                " let out as the copy's (those that waited: " +
                in_words(waits.confirmed) + "), " +
                std::to_string(all.committed) + " with their checkpoint (" +
                in_words(waits.committed) + "); differed: " + differences};
}

// ---- the kind --------------------------------------------------------------

namespace {

class ComparedCardKind : public DeviceKind {
public:
    bool takes(const DeviceFacts& device) const override
    {
        return network_card_kind().takes(device);
    }
    Status check(const std::vector<DeviceFacts>& mine) const override
    {
        return network_card_kind().check(mine);
    }
    Status check_host(const std::vector<DeviceFacts>& mine) const override
    {
        return network_card_kind().check_host(mine);
    }
    std::unique_ptr<CheckpointDevice> make(
        const DeviceFacts& device, const DeviceContext& context) const override
    {
        if (context.role == Role::primary) {
            return std::make_unique<ComparedCard>(device, context);
        }
        return std::make_unique<CopysCard>(device, context);
    }
};

}  // namespace

const DeviceKind& compared_card_kind()
{
    static const ComparedCardKind kind;
    return kind;
}

}  // namespace xl_colo
