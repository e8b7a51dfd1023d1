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

const std::vector<Claimed> any_claim{Claimed::no_witness, Claimed::not_asked,
                                     Claimed::unknown, Claimed::theirs,
                                     Claimed::yours};
const std::vector<Claimed> no_answer{Claimed::not_asked, Claimed::unknown};
const std::vector<Cause> away{Cause::lost, Cause::silent};
const std::vector<Fenced> no_yes{Fenced::not_asked, Fenced::no};

struct Row {
    const char* name;
    std::vector<CopyState> copies;
    std::vector<Cause> causes;
    std::vector<Claimed> claimed;
    std::vector<Fenced> fenced;
    std::vector<AskedSince> asked;
    Verdict verdict;
};

std::vector<Row> all_rows()
{
    std::vector<Row> rows{
        {"no_state_of_the_guest", not_whole, any_cause, any_claim, any_answer,
         anything, Verdict::discard},
        {"primary_stopped", whole, {Cause::stopped}, any_claim, any_answer,
         anything, Verdict::discard},
        {"step_failed", whole, {Cause::failed}, any_claim, any_answer,
         anything, Verdict::discard},
        {"primary_yielded", whole, {Cause::yielded}, any_claim, any_answer,
         anything, Verdict::take_over},
        // The witness.
        {"the_primary_was_first", whole, away, {Claimed::theirs}, any_answer,
         anything, Verdict::discard},
        {"no_claim_and_called_off", whole, away, no_answer, any_answer,
         {AskedSince::stop}, Verdict::discard},
        {"no_claim_and_the_copy_runs", runs, away, no_answer, any_answer,
         no_stop, Verdict::pause},
        {"witness_not_asked", stands, away, {Claimed::not_asked}, any_answer,
         no_stop, Verdict::ask_witness},
        {"witness_does_not_answer", stands, away, {Claimed::unknown},
         any_answer, {AskedSince::nothing}, Verdict::hold},
        {"witness_overruled", stands, away, {Claimed::unknown}, any_answer,
         {AskedSince::failover}, Verdict::take_over},
        // An admin.
        {"silent_and_called_off", whole, {Cause::silent},
         {Claimed::no_witness}, any_answer, {AskedSince::stop},
         Verdict::discard},
        {"silent_and_the_copy_runs", runs, {Cause::silent},
         {Claimed::no_witness}, any_answer, no_stop, Verdict::pause},
        {"silent_and_nothing_known", stands, {Cause::silent},
         {Claimed::no_witness}, any_answer, {AskedSince::nothing},
         Verdict::hold},
        {"silent_and_an_admin_knows", stands, {Cause::silent},
         {Claimed::no_witness}, any_answer, {AskedSince::failover},
         Verdict::take_over},
    };
    // The fence: without a witness, or after its yes.
    struct Way {
        std::vector<Cause> causes;
        std::vector<Claimed> claimed;
    };
    for (const Way& way : {Way{{Cause::lost}, {Claimed::no_witness}},
                           Way{away, {Claimed::yours}}}) {
        const Row by_fence[] = {
            {"no_fence", whole, way.causes, way.claimed, {Fenced::no_command},
             anything, Verdict::take_over},
            {"fence_says_yes", whole, way.causes, way.claimed, {Fenced::yes},
             anything, Verdict::take_over},
            {"fence_called_off", whole, way.causes, way.claimed, no_yes,
             {AskedSince::stop}, Verdict::discard},
            {"not_fenced_and_the_copy_runs", runs, way.causes, way.claimed,
             no_yes, no_stop, Verdict::pause},
            {"fence_not_asked", stands, way.causes, way.claimed,
             {Fenced::not_asked}, no_stop, Verdict::ask_fence},
            {"fence_says_no", stands, way.causes, way.claimed, {Fenced::no},
             {AskedSince::nothing}, Verdict::hold},
            {"fence_overruled", stands, way.causes, way.claimed, {Fenced::no},
             {AskedSince::failover}, Verdict::take_over},
        };
        rows.insert(rows.end(), std::begin(by_fence), std::end(by_fence));
    }
    return rows;
}

std::vector<Facts> facts_of(const Row& row)
{
    std::vector<Facts> all;
    for (const CopyState copy : row.copies) {
        for (const Cause cause : row.causes) {
            for (const Claimed claimed : row.claimed) {
                for (const Fenced fenced : row.fenced) {
                    for (const AskedSince asked : row.asked) {
                        all.push_back({copy, cause, claimed, fenced, asked});
                    }
                }
            }
        }
    }
    return all;
}

void each_row_has_its_verdict(void**)
{
    for (const Row& row : all_rows()) {
        for (const Facts& facts : facts_of(row)) {
            if (decide(facts) != row.verdict) {
                fail_msg("%s", row.name);
            }
        }
    }
}

// No combination is without a row, and none has two.
void rows_are_all_there_is(void**)
{
    std::set<std::tuple<CopyState, Cause, Claimed, Fenced, AskedSince>> seen;
    for (const Row& row : all_rows()) {
        for (const Facts& f : facts_of(row)) {
            if (!seen.insert({f.copy, f.cause, f.claimed, f.fenced, f.asked})
                     .second) {
                fail_msg("%s: another row has that, too", row.name);
            }
        }
    }
    assert_int_equal(seen.size(), (not_whole.size() + whole.size()) *
                                      any_cause.size() * any_claim.size() *
                                      any_answer.size() * anything.size());
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
