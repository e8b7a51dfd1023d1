// Integers to bytes, in the order that a format wants.
#pragma once

#include <concepts>

#include "units.h"

namespace xl_colo {

template <std::unsigned_integral T>
void put_little(Buffer& out, T value)
{
    for (size_t i = 0; i < sizeof(T); i++) {
        out.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
}

template <std::unsigned_integral T>
void put_big(Buffer& out, T value)
{
    for (size_t i = sizeof(T); i-- > 0;) {
        out.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
}

// In this machine's order, as libxl's local messages are.
template <std::integral T>
void put_native(Buffer& out, T value)
{
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    out.insert(out.end(), bytes, bytes + sizeof(T));
}

}  // namespace xl_colo
