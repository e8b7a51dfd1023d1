// Numbers as Xen's own messages show them: page numbers, record types.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

namespace xl_colo {

inline std::string hex(uint64_t value)
{
    std::array<char, 19> text{};
    std::snprintf(text.data(), text.size(), "0x%llx",
                  static_cast<unsigned long long>(value));
    return text.data();
}

}  // namespace xl_colo
