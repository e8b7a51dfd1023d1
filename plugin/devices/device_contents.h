// What a device of the guest holds, byte by byte, on one of the two hosts: for
// --verify-disks, which compares it with the other's.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/units.h"

namespace xl_colo {

// One thread. The device outlives it.
class DeviceContents {
public:
    virtual ~DeviceContents() = default;
    virtual Bytes size() const = 0;
    // From `begin` on, all of it below size(). Past every cache but the
    // storage's own. Error io.
    virtual Status read(uint64_t begin, std::span<uint8_t> to) = 0;
};

}  // namespace xl_colo
