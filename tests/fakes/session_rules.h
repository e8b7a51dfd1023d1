// What must hold however a session ends: docs/specs/colo-wire.md, "The end".
#pragma once

#include <string>
#include <vector>

#include "session_pair.h"

namespace xl_colo {

// In words, what does not hold; nothing when all is well. For sessions whose
// guest has not shut down by itself.
std::vector<std::string> broken_rules(const PairOutcome& outcome);

// "unprotected/ended": the two states.
std::string states(const PairOutcome& outcome);

// What a side warns of, the most urgent first.
std::vector<WarningKind> kinds_of(const SessionStatus& status);

// All of it, for a person who has to find out why.
std::string to_text(const PairOutcome& outcome);

}  // namespace xl_colo
