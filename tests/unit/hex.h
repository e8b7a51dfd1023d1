// Bytes as text that a person can compare with a specification: 8 a line.
#pragma once

#include <cstdio>
#include <string>

#include "base/units.h"

inline std::string hex(xl_colo::View bytes)
{
    std::string text;
    for (size_t i = 0; i < bytes.size(); i++) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", bytes[i]);
        text += two;
        text += i % 8 == 7 || i + 1 == bytes.size() ? '\n' : ' ';
    }
    return text;
}
