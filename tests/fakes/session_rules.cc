#include "session_rules.h"

namespace xl_colo {

std::vector<std::string> broken_rules(const PairOutcome& outcome)
{
    const SideOutcome& primary = outcome.primary;
    const SideOutcome& secondary = outcome.secondary;
    std::vector<std::string> broken = secondary.violations;
    const auto rule = [&](bool holds, const char* text) {
        if (!holds) {
            broken.emplace_back(text);
        }
    };
    const bool held = primary.end.state == State::held;

    const bool twice = primary.runs && secondary.runs;

    rule(primary.runs || secondary.runs || held, "the guest runs nowhere");
    rule(!twice || !outcome.witnessed,
         "the guest runs twice although there is a witness");
    rule(!held || primary.status.warning(WarningKind::guest_held) ||
             primary.status.warning(WarningKind::guest_stands),
         "held without a warning");
    rule(!twice || primary.status.warning(WarningKind::guest_twice),
         "the guest runs twice and the primary does not warn");
    rule(!twice || secondary.status.warning(WarningKind::guest_twice) ||
             outcome.fenced,
         "the guest runs twice and the secondary does not warn");

    switch (primary.end.state) {
    case State::unprotected:
        rule(primary.runs, "unprotected, but the primary's guest stands");
        break;
    case State::held:
        rule(!primary.runs, "held, but the primary's guest runs");
        break;
    case State::ended:
        rule(!primary.runs, "ended, but the primary's guest runs");
        rule(secondary.runs, "ended, but the secondary has not taken over");
        break;
    default:
        rule(false, "the primary's state is no end");
    }
    switch (secondary.end.state) {
    case State::taken_over:
        rule(secondary.runs ||
                 secondary.status.warning(WarningKind::guest_stands),
             "taken over, but the secondary's guest stands");
        break;
    case State::ended:
        rule(secondary.guest == GuestState::gone ||
                 secondary.status.warning(WarningKind::copy_left),
             "ended, but the secondary has a domain");
        break;
    default:
        rule(false, "the secondary's state is no end");
    }
    return broken;
}

std::string states(const PairOutcome& outcome)
{
    return std::string(to_string(outcome.primary.end.state)) + "/" +
           to_string(outcome.secondary.end.state);
}

std::vector<WarningKind> kinds_of(const SessionStatus& status)
{
    std::vector<WarningKind> kinds;
    for (const Warning& warning : status.warnings) {
        kinds.push_back(warning.kind);
    }
    return kinds;
}

std::string to_text(const PairOutcome& outcome)
{
    std::string text;
    for (const SideOutcome* side : {&outcome.primary, &outcome.secondary}) {
        text += std::string(side == &outcome.primary ? "primary " :
                                                       "; secondary ") +
                to_string(side->end.state) + " (" + side->end.why + ") " +
                to_string(side->guest) + (side->runs ? ", runs" : "") +
                (side->status.warnings.empty() ? "" : ", warns");
        for (const Warning& warning : side->status.warnings) {
            text += std::string(" ") + to_string(warning.kind);
        }
    }
    text += "; " + std::to_string(outcome.took.count()) + " ms";
    for (const std::string& rule : broken_rules(outcome)) {
        text += "\n    BROKEN: " + rule;
    }
    return text;
}

}  // namespace xl_colo
