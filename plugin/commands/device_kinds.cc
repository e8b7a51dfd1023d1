#include "commands/device_kinds.h"

#include <initializer_list>
#include <vector>

#include "compare/compared_card.h"
#include "devices/plain_kinds.h"
#include "disks/replicated_disk.h"
#include "network/network_card.h"

namespace xl_colo {

namespace {

std::vector<const DeviceKind*> in_order(
    std::initializer_list<DeviceKinds> groups)
{
    std::vector<const DeviceKind*> all;
    for (const DeviceKinds kinds : groups) {
        all.insert(all.end(), kinds.begin(), kinds.end());
    }
    return all;
}

}  // namespace

DeviceKinds device_kinds(Output output)
{
    static const DeviceKind* const where_one_runs[] = {&network_card_kind()};
    static const DeviceKind* const where_both_run[] = {&compared_card_kind()};
    static const DeviceKind* const in_any_case[] = {&replicated_disk_kind()};
    static const auto commit =
        in_order({where_one_runs, in_any_case, plain_device_kinds()});
    static const auto compare =
        in_order({where_both_run, in_any_case, plain_device_kinds()});
    return output == Output::commit ? commit : compare;
}

}  // namespace xl_colo
