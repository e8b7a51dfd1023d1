// Whether the primary's guest has the devices yet with which protection began.
// Its copy has those, and can get no others: what was attached or detached
// since is no part of any checkpoint.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "hypervisor/host.h"

namespace xl_colo {

class DeviceGuard {
public:
    // `changed`: called once, by a thread of this one's, as soon as they are
    // others; with the error of check().
    using Changed = std::function<void(const Error&)>;
    explicit DeviceGuard(Changed changed) : changed_(std::move(changed)) {}
    ~DeviceGuard();

    // `known`: what the guest had when it was offered to the other host. The
    // domain outlives this. Errors: of the host; devices_changed.
    Status begin(Domain& domain, const std::vector<DeviceFacts>& known);
    // Sees all that was done before the call; cheap. Error devices_changed with
    // what is different and what to do; of the host. None before begin().
    Status check();

private:
    void loop();

    const Changed changed_;
    std::unique_ptr<DeviceWatch> watch_;
    UniqueFd closing_;
    std::thread thread_;
};

}  // namespace xl_colo
