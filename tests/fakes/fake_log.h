// Keeps what would have been printed.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"

namespace xl_colo {

class FakeLog : public Log {
public:
    struct Line {
        LogLevel level;
        std::string text;
    };

    void write(LogLevel level, const std::string& message) override
    {
        const std::lock_guard lock(mutex_);
        lines_.push_back({level, message});
    }

    std::vector<Line> lines() const
    {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

    // Whether a line of at least that level holds this.
    bool says(LogLevel least, const std::string& part) const
    {
        for (const Line& line : lines()) {
            if (line.level >= least &&
                line.text.find(part) != std::string::npos) {
                return true;
            }
        }
        return false;
    }

private:
    mutable std::mutex mutex_;
    std::vector<Line> lines_;
};

}  // namespace xl_colo
