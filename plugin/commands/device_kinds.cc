#include "commands/device_kinds.h"

#include <vector>

#include "devices/plain_kinds.h"
#include "disks/replicated_disk.h"
#include "network/network_card.h"

namespace xl_colo {

namespace {

std::vector<const DeviceKind*> before_plain_ones(DeviceKinds kinds)
{
    std::vector<const DeviceKind*> all(kinds.begin(), kinds.end());
    const DeviceKinds plain = plain_device_kinds();
    all.insert(all.end(), plain.begin(), plain.end());
    return all;
}

}  // namespace

DeviceKinds device_kinds(Output output)
{
    static const DeviceKind* const where_one_runs[] = {
        &network_card_kind(),
        &replicated_disk_kind(),
    };
    static const auto commit = before_plain_ones(where_one_runs);
    static const auto compare =
        before_plain_ones(kinds_refused_where_both_run());
    return output == Output::commit ? commit : compare;
}

}  // namespace xl_colo
