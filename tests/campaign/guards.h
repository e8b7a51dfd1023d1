// The fence command and the witness of a case, over its ledger.
#pragma once

#include "case.h"
#include "fencing/fence.h"
#include "fencing/witness.h"
#include "ledger.h"

namespace xl_colo::campaign {

class CampaignFence : public Fence {
public:
    CampaignFence(Ledger& ledger, Guard guard) : ledger_(ledger), guard_(guard)
    {
    }
    Status run(const Interrupted& interrupted) override;

private:
    Ledger& ledger_;
    Guard guard_;
};

class CampaignWitness : public Witness {
public:
    CampaignWitness(Ledger& ledger, Guard guard, Role role)
        : ledger_(ledger), guard_(guard), role_(role)
    {
    }
    ClaimAnswer claim(const Interrupted& interrupted) override;

private:
    Ledger& ledger_;
    Guard guard_;
    Role role_;
};

}  // namespace xl_colo::campaign
