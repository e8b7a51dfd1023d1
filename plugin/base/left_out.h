// What a test may switch off with --without, to show what it is for: the names,
// as command line and OFFER have them. docs/xen-defects.md explains those that
// Xen's defects need, xl-colo-start(1) all.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>

namespace xl_colo {

constexpr const char* without_f2 = "f2";
constexpr const char* without_f3 = "f3";
constexpr const char* without_f4 = "f4";
constexpr const char* without_back_channel = "back-channel";
constexpr const char* without_elision = "elision";  // all pages are sent
constexpr const char* without_digest = "digest";    // all pages look the same
constexpr const char* without_pv_reset = "pv-reset";
constexpr const char* without_output_hold = "output-hold";
// Of a disk, before its origin.
constexpr const char* without_first_snapshot = "first-snapshot";

inline constexpr std::array what_may_be_left_out{
    without_f2,           without_f3,          without_f4,
    without_back_channel, without_elision,     without_digest,
    without_pv_reset,     without_output_hold, without_first_snapshot,
};

using LeftOut = std::set<std::string>;

// What the status says of a guest that some of them are left out for; nothing
// where that does no harm.
inline std::optional<std::string> warning_of(const LeftOut& out)
{
    std::string list;
    for (const std::string& name : out) {
        if (name != without_elision) {
            list += (list.empty() ? "" : ", ") + name;
        }
    }
    return list.empty()
               ? std::nullopt
               : std::optional("started without " + list +
                               ", for a test: the guest is not protected");
}

}  // namespace xl_colo
