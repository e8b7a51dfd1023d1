// Each row of the table in session/takeover.h, with all that it says "any" of.
#include "session/takeover.h"

#include <set>
#include <tuple>
#include <vector>

#include "check.h"  // last: its fail() is a macro

using namespace xl_colo;

namespace {

const std::vector<CopyState> not_whole{CopyState::none, CopyState::spoilt};
const std::vector<CopyState> stands{CopyState::unstarted, CopyState::paused,
                                    CopyState::suspended};
const std::vector<CopyState> runs{CopyState::running};
const std::vector<CopyState> whole{CopyState::unstarted, CopyState::running,
                                   CopyState::paused, CopyState::suspended};
const std::vector<Cause> any_cause{Cause::stopped, Cause::failed,
                                   Cause::yielded, Cause::lost,
                                   Cause::silent};
const std::vector<Fenced> any_answer{Fenced::no_command, Fenced::not_asked,
                                     Fenced::no, Fenced::yes};
const std::vector<AskedSince> anything{AskedSince::nothing,
                                       AskedSince::failover, AskedSince::stop};
const std::vector<AskedSince> no_stop{AskedSince::nothing,
                                      AskedSince::failover};

struct Row {
    const char* name;
    std::vector<CopyState> copies;
    std::vector<Cause> causes;
    std::vector<Fenced> fenced;
    std::vector<AskedSince> asked;
    Verdict verdict;
};

const std::vector<Row> rows{
    {"no_state_of_the_guest", not_whole, any_cause, any_answer, anything,
     Verdict::discard},
    {"primary_stopped", whole, {Cause::stopped}, any_answer, anything,
     Verdict::discard},
    {"step_failed", whole, {Cause::failed}, any_answer, anything,
     Verdict::discard},
    {"primary_yielded", whole, {Cause::yielded}, any_answer, anything,
     Verdict::take_over},
    {"silent_and_called_off", whole, {Cause::silent}, any_answer,
     {AskedSince::stop}, Verdict::discard},
    {"silent_and_the_copy_runs", runs, {Cause::silent}, any_answer, no_stop,
     Verdict::pause},
    {"silent_and_nothing_known", stands, {Cause::silent}, any_answer,
     {AskedSince::nothing}, Verdict::hold},
    {"silent_and_an_admin_knows", stands, {Cause::silent}, any_answer,
     {AskedSince::failover}, Verdict::take_over},
    {"lost_without_a_fence", whole, {Cause::lost}, {Fenced::no_command},
     anything, Verdict::take_over},
    {"fence_says_yes", whole, {Cause::lost}, {Fenced::yes}, anything,
     Verdict::take_over},
    {"admin_calls_it_off", whole, {Cause::lost},
     {Fenced::not_asked, Fenced::no}, {AskedSince::stop}, Verdict::discard},
    {"lost_and_the_copy_runs", runs, {Cause::lost},
     {Fenced::not_asked, Fenced::no}, no_stop, Verdict::pause},
    {"lost_and_nothing_known", stands, {Cause::lost}, {Fenced::not_asked},
     no_stop, Verdict::ask_fence},
    {"fence_says_no", stands, {Cause::lost}, {Fenced::no},
     {AskedSince::nothing}, Verdict::hold},
    {"admin_knows_better", stands, {Cause::lost}, {Fenced::no},
     {AskedSince::failover}, Verdict::take_over},
};

// Calls look() for each combination of a row.
template <typename Look>
void for_each_of(const Row& row, Look look)
{
    for (const CopyState copy : row.copies) {
        for (const Cause cause : row.causes) {
            for (const Fenced fenced : row.fenced) {
                for (const AskedSince asked : row.asked) {
                    look(copy, cause, fenced, asked);
                }
            }
        }
    }
}

void each_row_has_its_verdict(void**)
{
    for (const Row& row : rows) {
        for_each_of(row, [&](auto... facts) {
            if (decide(facts...) != row.verdict) {
                fail_msg("%s", row.name);
            }
        });
    }
}

// No combination is without a row, and none has two.
void rows_are_all_there_is(void**)
{
    std::set<std::tuple<CopyState, Cause, Fenced, AskedSince>> seen;
    for (const Row& row : rows) {
        for_each_of(row, [&](auto... facts) {
            if (!seen.insert({facts...}).second) {
                fail_msg("%s: another row has that, too", row.name);
            }
        });
    }
    assert_int_equal(seen.size(), (not_whole.size() + whole.size()) *
                                      any_cause.size() * any_answer.size() *
                                      anything.size());
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_row_has_its_verdict),
        cmocka_unit_test(rows_are_all_there_is),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
