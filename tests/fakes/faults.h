// The fault switch. Every fake passes through here at the start of each call,
// by the call's name; a test says beforehand what is to go wrong there.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace xl_colo {

// Any thread. Calls are counted from 1.
class Faults {
public:
    // The nth call fails, and does nothing else.
    void let_fail(const std::string& call, unsigned nth, Error error);
    // The nth call does this first, on the thread that makes it.
    void at(const std::string& call, unsigned nth,
            std::function<void()> action);
    // The nth call waits for release().
    void hold(const std::string& call, unsigned nth);
    // Waits until a call is held; false after ten seconds.
    bool wait_held(const std::string& call);
    void release(const std::string& call);

    unsigned calls(const std::string& call) const;
    // Every call that was made, and how often.
    std::map<std::string, unsigned> all_calls() const;

    // What the fakes call.
    Status pass(const std::string& call);

private:
    struct Fault {
        std::optional<Error> error;
        std::function<void()> action;
        bool hold = false;
    };
    struct Call {
        unsigned count = 0;
        unsigned held = 0;
        std::map<unsigned, Fault> faults;
    };

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Call> calls_;
};

}  // namespace xl_colo
