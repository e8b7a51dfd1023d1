// What may come of a fault: "Outcomes of a fault" in docs/specs/colo-wire.md,
// as a table, and what holds whatever befell.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "run_case.h"

namespace xl_colo::campaign {

// Where the guest is in the end. A side that holds it says so.
enum class Ends {
    primary,    // runs on the primary, and there is no copy
    copy_held,  // the same, and the copy is held
    secondary,  // runs on the secondary; the primary's is held, or gone
    both,       // runs twice, and both say so
    both_held,  // stands on both
    held_copy,  // there is only the copy, which is held
    held_guest, // there is only the primary's, which is held
    nobody,     // the primary's process is gone, and there is no copy
};

const char* to_string(Ends ends);

// What a case's outcome must be one of. What was said on the wire until then
// counts as much as the fault: so it takes what was seen.
std::set<Ends> allowed(const Case& c, const Seen& seen);

struct Verdict {
    std::string ends;                   // in words
    std::vector<std::string> failures;  // none: passed
};

Verdict judge(const Case& c, const Seen& seen, const Times& times);

}  // namespace xl_colo::campaign
