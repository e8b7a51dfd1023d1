// What those outside have felt of a guest's output being held back.
#pragma once

#include <chrono>
#include <cstdint>

namespace xl_colo {

// Of frames that have left, and might have had to wait; numbers that grow.
struct OutputFelt {
    uint64_t frames = 0;
    std::chrono::microseconds waited{};  // all of them together

    OutputFelt& operator+=(const OutputFelt& other)
    {
        frames += other.frames;
        waited += other.waited;
        return *this;
    }
    OutputFelt since(const OutputFelt& before) const
    {
        return {frames - before.frames, waited - before.waited};
    }
};

}  // namespace xl_colo
