#include "commands/device_kinds.h"

#include "devices/plain_kinds.h"
#include "network/network_card.h"

namespace xl_colo {

namespace {

std::vector<const DeviceKind*> with(const DeviceKind& network_card)
{
    const DeviceKinds plain = plain_device_kinds();
    std::vector<const DeviceKind*> all(plain.begin(), plain.end());
    all.push_back(&network_card);
    return all;
}

}  // namespace

DeviceKinds device_kinds(Output output)
{
    static const auto commit = with(network_card_kind());
    static const auto compare = with(refused_network_card_kind());
    return output == Output::commit ? commit : compare;
}

}  // namespace xl_colo
