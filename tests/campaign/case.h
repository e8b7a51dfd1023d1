// One case: a session, what guards its guest, and one fault at one frame.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fault.h"
#include "frame_name.h"

namespace xl_colo::campaign {

// How a session goes that nothing befalls. Three checkpoints after the initial
// copy first.
enum class Story {
    stop,            // the primary ends it
    stop_secondary,  // the secondary does
    failover,        // the secondary's admin wants the guest
    verify,          // as stop, and each checkpoint is compared
    quiet,           // as stop, with time for heartbeats
    by_turns,        // as stop, and the copy runs from 1 and 3 on, and stands
                     // from 0 and 2 on
};

// What keeps the guest from running twice.
enum class Guard {
    none,
    fence_no,      // the fence command says no, whenever it is asked
    fence_yes,     // it kills the primary's process first
    witness,
    witness_away,  // it never answers
};

constexpr uint64_t checkpoints_wanted = 3;

const std::vector<Story>& all_stories();
const std::vector<Guard>& all_guards();
const char* to_string(Story story);
const char* to_string(Guard guard);
std::optional<Story> story_named(const std::string& name);
std::optional<Guard> guard_named(const std::string& name);

// Whether the campaign tries faults at that frame in that story, rather than
// in another one which has it as well.
bool belongs_to(const FrameName& name, Story story);

struct Case {
    Story story = Story::stop;
    Guard guard = Guard::none;
    std::optional<FaultKind> fault;  // none: the session comes to its own end
    FrameName frame;                 // where the fault is
    uint64_t choice = 0;             // of a bit; the case's own
};

// Its options: what to run it alone with.
std::string to_string(const Case& c);

// Of all cases over those frames of `story`. The choices depend on the seed and
// on each case alone.
std::vector<Case> cases_of(Story story, const std::vector<FrameName>& frames,
                           uint64_t seed);
// Whether one session has the frame and the next one has not, since it depends
// on how much the guest wrote meanwhile.
bool may_not_come(const FrameName& name);

// So many of each fault under each guard, by the seed, at frames that come.
std::vector<Case> sample(const std::vector<Case>& cases, size_t of_each,
                         uint64_t seed);

}  // namespace xl_colo::campaign
