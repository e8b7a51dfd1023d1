// Each row of the tables of process/aftermath.h.
#include "process/aftermath.h"

#include "check.h"

using namespace xl_colo;

namespace {

const char* name_of(Fate fate)
{
    switch (fate) {
    case Fate::go_on: return "go_on";
    case Fate::claim: return "claim";
    case Fate::hold: return "hold";
    case Fate::destroy: return "destroy";
    }
    return "?";
}

void primary_by_its_table(void**)
{
    enum class By { nothing, fence, witness, both };
    const struct {
        State state;
        bool stands, may_take_over;
        By by;
        Fate fate;
    } rows[] = {
        {State::held, false, true, By::nothing, Fate::hold},
        {State::held, true, true, By::witness, Fate::hold},
        {State::copying, true, false, By::both, Fate::go_on},
        {State::copying, true, false, By::nothing, Fate::go_on},
        {State::unprotected, false, true, By::both, Fate::go_on},
        {State::protecting, true, true, By::witness, Fate::claim},
        {State::protecting, false, true, By::both, Fate::claim},
        {State::copying, true, true, By::witness, Fate::claim},
        {State::protecting, true, true, By::fence, Fate::go_on},
        {State::protecting, false, true, By::fence, Fate::go_on},
        {State::protecting, true, true, By::nothing, Fate::hold},
        {State::protecting, false, true, By::nothing, Fate::hold},
    };
    int at = 0;
    for (const auto& row : rows) {
        WatchRecord::Findings found;
        found.role = Role::primary;
        found.state = row.state;
        found.stands = row.stands;
        found.may_take_over = row.may_take_over;
        found.arbiter.fence = row.by == By::fence || row.by == By::both;
        if (row.by == By::witness || row.by == By::both) {
            found.arbiter.witness = "witness";
        }
        if (fate_of(found) != row.fate) {
            fail_msg("row %d: %s", at, name_of(fate_of(found)));
        }
        ++at;
    }
}

void secondary_by_its_table(void**)
{
    const struct {
        State state;
        CopyState copy;
        Fate fate;
    } rows[] = {
        {State::taken_over, CopyState::running, Fate::go_on},
        {State::taken_over, CopyState::suspended, Fate::go_on},
        {State::copying, CopyState::none, Fate::destroy},
        {State::protecting, CopyState::spoilt, Fate::destroy},
        {State::ended, CopyState::none, Fate::destroy},
        {State::copying, CopyState::unstarted, Fate::hold},
        {State::protecting, CopyState::running, Fate::hold},
        {State::protecting, CopyState::suspended, Fate::hold},
        {State::fencing, CopyState::paused, Fate::hold},
    };
    int at = 0;
    for (const auto& row : rows) {
        WatchRecord::Findings found;
        found.role = Role::secondary;
        found.state = row.state;
        found.copy = row.copy;
        if (fate_of(found) != row.fate) {
            fail_msg("row %d: %s", at, name_of(fate_of(found)));
        }
        ++at;
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(primary_by_its_table),
        cmocka_unit_test(secondary_by_its_table),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
