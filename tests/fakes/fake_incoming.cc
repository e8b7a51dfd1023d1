#include "fake_incoming.h"

namespace xl_colo {

FakeIncoming::~FakeIncoming()
{
    if (!built_ && !abandoned_) {
        guest_->destroy();
    }
}

Status FakeIncoming::memory_restored(Pfn store, Pfn console)
{
    if (auto s = faults_.pass("memory_restored"); !s) {
        return s;
    }
    if (store == console) {
        return Error(ErrorKind::libxl, "store and console are one page");
    }
    const std::lock_guard lock(mutex_);
    memory_restored_ = true;
    changed_.notify_all();
    return {};
}

Status FakeIncoming::give_device_state(View state)
{
    if (auto s = faults_.pass("give_device_state"); !s) {
        return s;
    }
    const std::lock_guard lock(mutex_);
    device_state_.assign(state.begin(), state.end());
    changed_.notify_all();
    return {};
}

Result<std::unique_ptr<Domain>> FakeIncoming::wait_built()
{
    if (auto s = faults_.pass("wait_built"); !s) {
        return s.error();
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
        return abandoned_ || (memory_restored_ && !device_state_.empty());
    });
    if (abandoned_) {
        return Error(ErrorKind::aborted, "the domain was given up");
    }
    guest_->start_device_model(device_state_);
    built_ = true;
    return std::unique_ptr<Domain>(
        std::make_unique<FakeDomain>(guest_, faults_, options_));
}

Status FakeIncoming::abandon()
{
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    changed_.notify_all();
    if (auto s = faults_.pass("abandon"); !s) {
        return s;
    }
    guest_->destroy();
    return {};
}

}  // namespace xl_colo
