// The fence command of --fence, run by a shell on the secondary.
#pragma once

#include <string>
#include <utility>

#include "fencing/fence.h"

namespace xl_colo {

// XL_COLO_DOMAIN and XL_COLO_PRIMARY tell the command whom it is about. Exit
// status 0 says that the primary is off for certain; anything else says no.
class ShellFence : public Fence {
public:
    ShellFence(std::string command, std::string domain, std::string primary)
        : command_(std::move(command)),
          domain_(std::move(domain)),
          primary_(std::move(primary)) {}
    Status run() override;

private:
    std::string command_, domain_, primary_;
};

}  // namespace xl_colo
