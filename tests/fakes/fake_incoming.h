// The domain that a fake libxl is building: it is there at once, and is built
// when it has both its memory and its device state.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "fake_domain.h"

namespace xl_colo {

class FakeIncoming : public Incoming {
public:
    FakeIncoming(std::shared_ptr<FakeGuest> guest, Faults& faults,
                 const OpenOptions& options)
        : guest_(std::move(guest)), faults_(faults), options_(options) {}
    ~FakeIncoming() override;

    Domid domid() const override { return guest_->domid; }
    Status memory_restored(Pfn store, Pfn console) override;
    Status give_device_state(View state) override;
    Result<std::unique_ptr<Domain>> wait_built() override;
    Status abandon() override;

    FakeGuest& guest() { return *guest_; }

private:
    std::shared_ptr<FakeGuest> guest_;
    Faults& faults_;
    OpenOptions options_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool memory_restored_ = false;
    bool abandoned_ = false;
    bool built_ = false;
    Buffer device_state_;
};

}  // namespace xl_colo
