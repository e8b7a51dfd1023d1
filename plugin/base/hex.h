// Hexadecimal: numbers as Xen's own messages show them (page numbers, record
// types), and bytes.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace xl_colo {

inline std::string hex(uint64_t value)
{
    std::array<char, 19> text{};
    std::snprintf(text.data(), text.size(), "0x%llx",
                  static_cast<unsigned long long>(value));
    return text.data();
}

// "0a1b": two digits a byte, and back; nothing for what is no such text.
std::string to_hex(View bytes);
std::optional<Buffer> from_hex(std::string_view digits);

}  // namespace xl_colo
