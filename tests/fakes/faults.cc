#include "faults.h"

#include <chrono>

namespace xl_colo {

void Faults::let_fail(const std::string& call, unsigned nth, Error error)
{
    const std::lock_guard lock(mutex_);
    calls_[call].faults[nth].error = std::move(error);
}

void Faults::at(const std::string& call, unsigned nth,
                std::function<void()> action)
{
    const std::lock_guard lock(mutex_);
    calls_[call].faults[nth].action = std::move(action);
}

void Faults::hold(const std::string& call, unsigned nth)
{
    const std::lock_guard lock(mutex_);
    calls_[call].faults[nth].hold = true;
}

bool Faults::wait_held(const std::string& call)
{
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10),
                             [&] { return calls_[call].held > 0; });
}

void Faults::release(const std::string& call)
{
    const std::lock_guard lock(mutex_);
    for (auto& [nth, fault] : calls_[call].faults) {
        fault.hold = false;
    }
    changed_.notify_all();
}

unsigned Faults::calls(const std::string& call) const
{
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(call);
    return found == calls_.end() ? 0 : found->second.count;
}

std::map<std::string, unsigned> Faults::all_calls() const
{
    const std::lock_guard lock(mutex_);
    std::map<std::string, unsigned> all;
    for (const auto& [name, call] : calls_) {
        if (call.count > 0) {
            all[name] = call.count;
        }
    }
    return all;
}

Status Faults::pass(const std::string& name)
{
    std::unique_lock lock(mutex_);
    Call& call = calls_[name];
    const auto found = call.faults.find(++call.count);
    if (found == call.faults.end()) {
        return {};
    }
    Fault& fault = found->second;  // stays: nothing is ever erased
    if (fault.action) {
        const auto action = fault.action;
        lock.unlock();
        action();
        lock.lock();
    }
    if (fault.hold) {
        ++call.held;
        changed_.notify_all();
        changed_.wait(lock, [&] { return !fault.hold; });
        --call.held;
    }
    return fault.error ? Status(*fault.error) : Status();
}

}  // namespace xl_colo
