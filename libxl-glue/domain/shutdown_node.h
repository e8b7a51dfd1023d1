// A domain's control/shutdown in xenstore.
#pragma once

#include <memory>

#include "base/units.h"
#include "domain/suspend_request.h"
#include "xen/handles.h"

namespace xl_colo {

// Has a connection to xenstored of its own, for the watches. One thread at a
// time.
class XenstoreShutdownNode : public ShutdownNode {
public:
    static Result<std::unique_ptr<ShutdownNode>> open(Domid domid);

    Result<std::string> read() override { return read(XBT_NULL); }
    Result<bool> replace(const std::string& from,
                         const std::string& to) override;
    void wait(Clock::time_point deadline) override;

private:
    XenstoreShutdownNode(XenstoreHandle xs, std::string path)
        : xs_(std::move(xs)), path_(std::move(path))
    {
    }
    Result<std::string> read(xs_transaction_t transaction);

    XenstoreHandle xs_;
    std::string path_;
};

}  // namespace xl_colo
