#include "fault.h"

#include <algorithm>

#include "wire/frame.h"

namespace xl_colo::campaign {

namespace {

struct Named {
    FaultKind kind;
    const char* name;
};

constexpr Named names[] = {
    {FaultKind::cut, "cut"},
    {FaultKind::cut_within, "cut-within"},
    {FaultKind::half_close, "half-close"},
    {FaultKind::freeze, "freeze"},
    {FaultKind::freeze_both, "freeze-both"},
    {FaultKind::black_hole, "black-hole"},
    {FaultKind::kill_primary, "kill-primary"},
    {FaultKind::kill_secondary, "kill-secondary"},
    {FaultKind::stop_primary, "stop-primary"},
    {FaultKind::stop_secondary, "stop-secondary"},
    {FaultKind::flip_type, "flip-type"},
    {FaultKind::flip_length, "flip-length"},
    {FaultKind::flip_body, "flip-body"},
    {FaultKind::flip_check, "flip-check"},
    {FaultKind::drop, "drop"},
    {FaultKind::twice, "twice"},
};

// The bits in which types and plausible lengths differ: the others make a
// frame that is refused at once.
constexpr size_t type_bits = 6;
constexpr size_t length_bits = 27;

}  // namespace

const char* to_string(FaultKind kind)
{
    return std::ranges::find(names, kind, &Named::kind)->name;
}

std::optional<FaultKind> fault_named(const std::string& name)
{
    for (const Named& named : names) {
        if (named.name == name) {
            return named.kind;
        }
    }
    return std::nullopt;
}

const std::vector<FaultKind>& all_faults()
{
    static const auto all = [] {
        std::vector<FaultKind> kinds;
        for (const Named& named : names) {
            kinds.push_back(named.kind);
        }
        return kinds;
    }();
    return all;
}

std::optional<Role> killed_by(FaultKind kind)
{
    switch (kind) {
    case FaultKind::kill_primary:
        return Role::primary;
    case FaultKind::kill_secondary:
        return Role::secondary;
    default:
        return std::nullopt;
    }
}

std::optional<Role> stopped_by(FaultKind kind)
{
    switch (kind) {
    case FaultKind::stop_primary:
        return Role::primary;
    case FaultKind::stop_secondary:
        return Role::secondary;
    default:
        return std::nullopt;
    }
}

bool changes_frame(FaultKind kind)
{
    return kind >= FaultKind::flip_type;
}

std::optional<size_t> bit_to_flip(FaultKind kind, Extent extent,
                                  uint64_t choice)
{
    constexpr size_t length_at = 32;
    constexpr size_t body_at = 8 * frame_header_size;
    const size_t body = 8 * extent.body;
    const size_t check = 8 * extent.check;
    switch (kind) {
    case FaultKind::flip_type:
        return choice % type_bits;
    case FaultKind::flip_length:
        return length_at + choice % length_bits;
    case FaultKind::flip_body:
        if (body == 0) {
            break;
        }
        return body_at + choice % body;
    case FaultKind::flip_check:
        if (check == 0) {
            break;
        }
        return body_at + body +
               8 * padding_of(static_cast<uint32_t>(extent.body)) +
               choice % check;
    default:
        break;
    }
    return std::nullopt;
}

}  // namespace xl_colo::campaign
