// What a test may switch off with --without, to show what it is for: the names,
// as command line and OFFER have them. docs/xen-defects.md explains them.
#pragma once

#include <array>

namespace xl_colo {

constexpr const char* without_f2 = "f2";
constexpr const char* without_f3 = "f3";
constexpr const char* without_f4 = "f4";
constexpr const char* without_back_channel = "back-channel";
constexpr const char* without_elision = "elision";  // all pages are sent
constexpr const char* without_digest = "digest";    // all pages look the same
constexpr const char* without_pv_reset = "pv-reset";

inline constexpr std::array work_arounds{
    without_f2,      without_f3,     without_f4,       without_back_channel,
    without_elision, without_digest, without_pv_reset,
};

}  // namespace xl_colo
