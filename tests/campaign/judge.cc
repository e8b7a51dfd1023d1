#include "judge.h"

#include <array>

namespace xl_colo::campaign {

namespace {

using std::chrono::milliseconds;

// Rows of the specification's table.
enum class What {
    nothing,
    wire,               // neither side hears the other any more
    primary_killed,
    secondary_killed,
    primary_stopped,    // for longer than the timeout, and goes on
    secondary_stopped,
    frame_changed,
};

enum class Moment {
    no_copy,  // before DEVICE_STATE 0
    copy,     // from READY 0 on; between the two it may be either
    yielded,  // YIELDED was sent
};

using Set = std::set<Ends>;

struct Row {
    What what;
    Moment moment;
    std::array<Set, 5> guards;  // in the order of Guard
};

constexpr Ends P = Ends::primary;
constexpr Ends P_h = Ends::copy_held;
constexpr Ends S = Ends::secondary;
constexpr Ends B = Ends::both;
constexpr Ends H = Ends::both_held;
constexpr Ends h_S = Ends::held_copy;
constexpr Ends h_P = Ends::held_guest;
constexpr Ends N = Ends::nobody;

const std::vector<Row>& table()
{
    //                 no guard    fence: no   yes    witness     it is away
    static const std::vector<Row> rows{
        {What::nothing, Moment::no_copy,
                       {{{P},      {P},        {P},    {P},        {P}}}},
        {What::nothing, Moment::copy,
                       {{{P},      {P},        {P},    {P},        {P}}}},
        {What::nothing, Moment::yielded,
                       {{{S},      {S},        {S},    {S},        {S}}}},

        {What::wire, Moment::no_copy,
                       {{{P},      {P},        {P},    {P},        {P, h_P}}}},
        {What::wire, Moment::copy,
                       {{{B},      {P_h},      {S},    {P, S},     {H}}}},
        {What::wire, Moment::yielded,
                       {{{S},      {S, H},     {S},    {S},        {S, H}}}},

        {What::primary_killed, Moment::no_copy,
                       {{{N},      {N},        {N},    {N},        {N}}}},
        {What::primary_killed, Moment::copy,
                       {{{S},      {h_S},      {S},    {S},        {h_S}}}},
        {What::primary_killed, Moment::yielded,
                       {{{S},      {S, h_S},   {S},    {S},        {S, h_S}}}},

        {What::secondary_killed, Moment::no_copy,
                       {{{P},      {P},        {P},    {P},        {P, h_P}}}},
        {What::secondary_killed, Moment::copy,
                       {{{P},      {P},        {P},    {P},        {h_P}}}},
        {What::secondary_killed, Moment::yielded,
                       {{{h_P},    {h_P},      {h_P},  {h_P},      {h_P}}}},

        {What::primary_stopped, Moment::no_copy,
                       {{{P},      {P},        {P},    {P},        {P, h_P}}}},
        {What::primary_stopped, Moment::copy,
                       {{{B},      {P_h},      {S},    {P, S},     {H}}}},
        {What::primary_stopped, Moment::yielded,
                       {{{S},      {S, H},     {S},    {S},        {S, H}}}},

        {What::secondary_stopped, Moment::no_copy,
                       {{{P},      {P},        {P},    {P},        {P, h_P}}}},
        {What::secondary_stopped, Moment::copy,
                       {{{P_h},    {P_h},      {P_h},  {P, S},     {H}}}},
        {What::secondary_stopped, Moment::yielded,
                       {{{S, H},   {S, H},     {S, H}, {S},        {S, H}}}},

        {What::frame_changed, Moment::no_copy,
                       {{{P},      {P},        {P},    {P},        {P, h_P}}}},
        {What::frame_changed, Moment::copy,
                       {{{P},      {P},        {P},    {P},        {P, h_P}}}},
        {What::frame_changed, Moment::yielded,
                       {{{P, S},   {P, S},     {P, S}, {P, S},     {P, S}}}},
    };
    return rows;
}

const Set& look_up(What what, Moment moment, Guard guard)
{
    for (const Row& row : table()) {
        if (row.what == what && row.moment == moment) {
            return row.guards[static_cast<size_t>(guard)];
        }
    }
    static const Set nothing;
    return nothing;
}

What what_of(FaultKind kind)
{
    switch (kind) {
    case FaultKind::kill_primary:
        return What::primary_killed;
    case FaultKind::kill_secondary:
        return What::secondary_killed;
    case FaultKind::stop_primary:
        return What::primary_stopped;
    case FaultKind::stop_secondary:
        return What::secondary_stopped;
    default:
        return changes_frame(kind) ? What::frame_changed : What::wire;
    }
}

// A side may have come further than could be seen: what it says to one that is
// gone is not passed.
std::vector<Moment> moments_of(const Seen& seen)
{
    if (seen.passed(FrameType::YIELDED)) {
        return {Moment::yielded};
    }
    if (seen.passed(FrameType::TAKEOVER)) {
        return {Moment::copy, Moment::yielded};
    }
    if (seen.passed({Role::secondary, FrameType::READY, 0, 1})) {
        return {Moment::copy};
    }
    if (seen.passed({Role::primary, FrameType::DEVICE_STATE, 0, 1})) {
        return {Moment::no_copy, Moment::copy};
    }
    return {Moment::no_copy};
}

// ---- where the guest is ----------------------------------------------------

enum class Here { runs, held, nothing };

Here here(const SideSeen& side)
{
    if (!side.lives || !side.has_guest) {
        return Here::nothing;
    }
    return side.runs ? Here::runs : Here::held;
}

Ends ends_of(const Seen& seen)
{
    const Here primary = here(seen.primary);
    const Here secondary = here(seen.secondary);
    switch (primary) {
    case Here::runs:
        return secondary == Here::runs   ? Ends::both
               : secondary == Here::held ? Ends::copy_held
                                         : Ends::primary;
    case Here::held:
        return secondary == Here::runs   ? Ends::secondary
               : secondary == Here::held ? Ends::both_held
                                         : Ends::held_guest;
    case Here::nothing:
        break;
    }
    return secondary == Here::runs   ? Ends::secondary
           : secondary == Here::held ? Ends::held_copy
                                     : Ends::nobody;
}

std::string describe(const char* name, const SideSeen& side)
{
    std::string text = name;
    if (!side.lives) {
        return text + " killed";
    }
    text += std::string(" ") + to_string(side.state) +
            (side.ended ? "" : " (goes on)") +
            (!side.has_guest ? ", no guest"
             : side.runs     ? ", runs"
                             : ", stands");
    for (int number = 0; number < 8; ++number) {
        const auto kind = static_cast<WarningKind>(number);
        if (side.warns(kind)) {
            text += std::string(", ") + to_string(kind);
        }
    }
    return text + (side.why.empty() ? "" : " (" + side.why + ")");
}

// ---- what holds whatever befell --------------------------------------------

class Rules {
public:
    void hold(bool holds, const std::string& text)
    {
        if (!holds) {
            broken.push_back(text);
        }
    }
    std::vector<std::string> broken;
};

// A side's own words, against what was found there.
void check_words(Rules& rules, const Seen& seen)
{
    const SideSeen& primary = seen.primary;
    const SideSeen& secondary = seen.secondary;
    if (primary.lives && primary.ended) {
        rules.hold(primary.runs == (primary.state == State::unprotected),
                   "the primary's state is not what its guest does");
        rules.hold(primary.has_guest == (primary.state != State::ended),
                   "the primary's state is not whether it has the guest");
    }
    if (secondary.lives && secondary.ended) {
        rules.hold(secondary.runs == (secondary.state == State::taken_over),
                   "the secondary's state is not what the copy does");
        rules.hold(secondary.has_guest == (secondary.state != State::ended),
                   "the secondary's state is not whether there is a copy");
    }
    rules.hold(here(primary) != Here::held ||
                   primary.warns(WarningKind::guest_held) ||
                   primary.warns(WarningKind::guest_stands),
               "the primary holds its guest without a warning");
    rules.hold(here(secondary) != Here::held ||
                   secondary.warns(WarningKind::copy_held) ||
                   secondary.warns(WarningKind::fence_says_no) ||
                   secondary.warns(WarningKind::guest_stands),
               "the copy is held without a warning");
}

void check_guests(Rules& rules, const Seen& seen)
{
    for (const auto* side : {&seen.primary, &seen.secondary}) {
        const std::string name =
            side == &seen.primary ? "the primary's guest" : "the copy";
        rules.hold(!side->runs || side->went_on, name + " does not go on");
        rules.hold(!side->has_guest || side->sound,
                   name + " is in a state that the guest never had");
    }
    rules.hold(!seen.fell_back,
               "the copy went on from before what it had committed");
    for (const std::string& difference : seen.differences) {
        rules.hold(false,
                   "the copy went on, and was not the guest: " + difference);
    }
}

// Whether they may run.
void check_leave(Rules& rules, const Case& c, const Seen& seen)
{
    if (here(seen.primary) == Here::runs &&
        here(seen.secondary) == Here::runs) {
        rules.hold(c.guard == Guard::none, "both run");
        rules.hold(seen.primary.warns(WarningKind::guest_twice),
                   "both run and the primary does not warn");
        rules.hold(seen.secondary.warns(WarningKind::guest_twice),
                   "both run and the secondary does not warn");
    }
    const bool yielded = seen.passed(FrameType::YIELDED);
    if (seen.secondary.runs && !yielded) {
        rules.hold(c.guard != Guard::fence_no, "the copy runs against a no");
        rules.hold(c.guard != Guard::fence_yes || seen.fenced,
                   "the copy runs unfenced");
        rules.hold(c.guard != Guard::witness || seen.given_to == 2,
                   "the copy runs without the witness's word");
        rules.hold(c.guard != Guard::witness_away,
                   "the copy runs and no witness was heard");
    }
    const bool let_go = seen.passed(Role::secondary, FrameType::STOP) ||
                        seen.passed(Role::secondary, FrameType::BYE);
    const bool was_copy =
        seen.passed({Role::secondary, FrameType::READY, 0, 1});
    if (seen.primary.runs && was_copy && !let_go) {
        rules.hold(c.guard != Guard::witness || seen.given_to == 1,
                   "the primary's guest runs without the witness's word");
        rules.hold(c.guard != Guard::witness_away,
                   "the primary's guest runs and no witness was heard");
    }
    rules.hold(!seen.ran_unasked,
               "a guest ran that the witness had given to the other side");
}

// Where it runs in the end. Three times what the specification says, for a
// machine that is as much slower.
void check_standstill(Rules& rules, const Seen& seen, const Times& times)
{
    if (!seen.primary.runs && !seen.secondary.runs) {
        return;
    }
    const bool copying =
        !seen.passed({Role::secondary, FrameType::RESUMED, 0, 1});
    const milliseconds limit = 2 * times.timeout +
                               (copying ? 10 : 1) * times.step_timeout;
    rules.hold(seen.stood <= 3 * limit,
               "the guest stood for " + std::to_string(seen.stood.count()) +
                   " ms");
}

}  // namespace

const char* to_string(Ends ends)
{
    switch (ends) {
    case Ends::primary:
        return "P";
    case Ends::copy_held:
        return "P+h";
    case Ends::secondary:
        return "S";
    case Ends::both:
        return "P+S";
    case Ends::both_held:
        return "h+h";
    case Ends::held_copy:
        return "-+h";
    case Ends::held_guest:
        return "h+-";
    case Ends::nobody:
        return "-";
    }
    return "?";
}

std::set<Ends> allowed(const Case& c, const Seen& seen)
{
    const What what = c.fault && seen.struck ? what_of(*c.fault)
                                             : What::nothing;
    Set set;
    const auto add = [&](What row) {
        for (const Moment moment : moments_of(seen)) {
            set.merge(Set(look_up(row, moment, c.guard)));
        }
    };
    add(what);
    // A STOP that both heard is an end in order, one that nobody heard a loss.
    if (seen.passed(FrameType::STOP)) {
        if (what == What::primary_killed) {
            set.insert(Ends::nobody);
        } else {
            set.insert(Ends::primary);
            add(What::wire);
        }
        // A secondary that has said it, or heard it, destroys the copy, whether
        // the primary comes to know of that or not.
        if (c.guard == Guard::witness_away) {
            set.insert(Ends::held_guest);
        }
    }
    // So is a failover that came to its end.
    if (seen.passed(FrameType::TAKEN_OVER)) {
        set.insert(Ends::secondary);
        // In the model it ends with the process. On a host the domain runs on,
        // and the watcher looks after it: process/aftermath.h.
        if (what == What::secondary_killed) {
            set.insert(Ends::nobody);
        }
    }
    // It may have come to nothing: no side was silent for that long.
    if (what == What::primary_stopped || what == What::secondary_stopped) {
        add(What::nothing);
    }
    return set;
}

Verdict judge(const Case& c, const Seen& seen, const Times& times)
{
    Rules rules;
    rules.hold(seen.trouble.empty(), seen.trouble);
    rules.hold(seen.settled, "a side came to no end");
    const Ends ends = ends_of(seen);
    const Set set = allowed(c, seen);
    std::string names;
    for (const Ends one : set) {
        names += (names.empty() ? "" : " or ") + std::string(to_string(one));
    }
    rules.hold(set.contains(ends), std::string("ends as ") + to_string(ends) +
                                       ", allowed is " + names);
    check_words(rules, seen);
    check_guests(rules, seen);
    check_leave(rules, c, seen);
    check_standstill(rules, seen, times);
    return {std::string(to_string(ends)) + ": " +
                describe("primary", seen.primary) + "; " +
                describe("secondary", seen.secondary) + "; stood " +
                std::to_string(seen.stood.count()) + " ms",
            rules.broken};
}

}  // namespace xl_colo::campaign
