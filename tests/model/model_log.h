// For whoever debugs a test: XL_COLO_MODEL_LOG=1 shows what the sessions log.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "base/log.h"

namespace xl_colo::model {

class ModelLog : public Log {
public:
    explicit ModelLog(const char* side)
        : side_(side), shown_(std::getenv("XL_COLO_MODEL_LOG") != nullptr)
    {
    }
    void write(LogLevel level, const std::string& message) override
    {
        if (shown_ && level >= LogLevel::info) {
            std::fprintf(stderr, "%s: %s\n", side_, message.c_str());
        }
    }

private:
    const char* side_;
    const bool shown_;
};

}  // namespace xl_colo::model
