// Every state and every kind of warning, for what goes through all of them.
#pragma once

#include <array>

#include "status/status.h"

namespace xl_colo {

constexpr std::array all_states{
    State::connecting,  State::copying, State::protecting,
    State::unprotected, State::fencing, State::taken_over,
    State::held,        State::ended};

constexpr std::array all_warning_kinds{
    WarningKind::guest_twice,   WarningKind::guest_stands,
    WarningKind::guest_held,    WarningKind::copy_runs,
    WarningKind::fence_says_no, WarningKind::copy_held,
    WarningKind::copy_left,     WarningKind::card_cut_off,
    WarningKind::wrong_name,    WarningKind::process_died,
    WarningKind::left_out};

}  // namespace xl_colo
