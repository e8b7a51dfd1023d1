// Integers to bytes and back, in the order that a format wants.
#pragma once

#include <concepts>
#include <string>

#include "base/units.h"

namespace xl_colo {

template <std::unsigned_integral T>
void store_little(T value, uint8_t* to)
{
    for (size_t i = 0; i < sizeof(T); ++i) {
        to[i] = static_cast<uint8_t>(value >> (8 * i));
    }
}

template <std::unsigned_integral T>
T load_little(const uint8_t* from)
{
    T value = 0;
    for (size_t i = sizeof(T); i-- > 0;) {
        value = static_cast<T>(value << 8 | from[i]);
    }
    return value;
}

// Of at most 8 bytes.
inline uint64_t load_little(View from)
{
    uint64_t value = 0;
    for (size_t i = from.size(); i-- > 0;) {
        value = value << 8 | from[i];
    }
    return value;
}

template <std::unsigned_integral T>
T load_big(const uint8_t* from)
{
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
        value = static_cast<T>(value << 8 | from[i]);
    }
    return value;
}

template <std::unsigned_integral T>
void put_little(Buffer& out, T value)
{
    out.resize(out.size() + sizeof(T));
    store_little(value, out.data() + out.size() - sizeof(T));
}

template <std::unsigned_integral T>
void put_big(Buffer& out, T value)
{
    for (size_t i = sizeof(T); i-- > 0;) {
        out.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
}

// Text as bytes and back.
inline View view_of(const std::string& text)
{
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string text_of(View bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// In this machine's order, as libxl's local messages are.
template <std::integral T>
void put_native(Buffer& out, T value)
{
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    out.insert(out.end(), bytes, bytes + sizeof(T));
}

}  // namespace xl_colo
