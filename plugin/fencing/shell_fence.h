// The fence command of --fence, run by a shell on the secondary.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "fencing/fence.h"

namespace xl_colo {

// XL_COLO_DOMAIN and XL_COLO_PRIMARY tell the command whom it is about. Exit
// status 0 says that the primary is off for certain; anything else says no, and
// so does a command that has not ended within the limit: it is ended then.
class ShellFence : public Fence {
public:
    // A management board may take a minute or two to turn a host off, and a
    // cluster's stonith tries several times.
    static constexpr std::chrono::minutes time_limit{5};

    ShellFence(std::string command, std::string domain, std::string primary,
               std::chrono::milliseconds limit = time_limit)
        : command_(std::move(command)),
          domain_(std::move(domain)),
          primary_(std::move(primary)),
          limit_(limit) {}
    Status run(const Interrupted& interrupted) override;

private:
    std::string command_, domain_, primary_;
    std::chrono::milliseconds limit_;
};

}  // namespace xl_colo
