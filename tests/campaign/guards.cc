#include "guards.h"

#include <chrono>
#include <thread>

namespace xl_colo::campaign {

Status CampaignFence::run(const Interrupted&)
{
    if (guard_ == Guard::fence_no) {
        return Error(ErrorKind::refused, "exit status 1");
    }
    ledger_.fence_asked = true;
    while (!ledger_.fenced) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
}

ClaimAnswer CampaignWitness::claim(const Interrupted&)
{
    if (guard_ == Guard::witness_away) {
        return {Claim::unknown, "exit status 255"};
    }
    const int ours = role_ == Role::primary ? 1 : 2;
    int owner = 0;
    if (ledger_.owner.compare_exchange_strong(owner, ours)) {
        ledger_.given_to = ours;
        return {Claim::yours, ""};
    }
    return {owner == ours ? Claim::yours : Claim::theirs, ""};
}

}  // namespace xl_colo::campaign
