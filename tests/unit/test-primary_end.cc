// The table of primary_end.h, row by row. What is done then is tested where two
// sessions meet: test-session-requests, test-session-faults.
#include "session/primary_end.h"

#include <functional>
#include <vector>

#include "check.h"

using namespace xl_colo;

namespace {

const std::vector<ErrorKind> any_reason{
    ErrorKind::peer_lost,     ErrorKind::peer_stopped, ErrorKind::protocol,
    ErrorKind::asked_to_stop, ErrorKind::hypercall,    ErrorKind::diverged,
    ErrorKind::timeout,
};
const std::vector<GuestLeft> any_guest{GuestLeft::runs, GuestLeft::suspended,
                                       GuestLeft::stuck, GuestLeft::ended};
const std::vector<CopyLeft> any_copy{CopyLeft::none, CopyLeft::perhaps};
const std::vector<Failover> either{Failover::not_wanted, Failover::wanted};
const std::vector<Claimed> any_claim{Claimed::no_witness, Claimed::not_asked,
                                     Claimed::unknown, Claimed::theirs,
                                     Claimed::yours};
const std::vector<Claimed> no_witness{Claimed::no_witness};

struct Row {
    const char* name;
    std::vector<Failover> failover;
    std::vector<GuestLeft> guest;
    std::vector<ErrorKind> why;
    std::vector<CopyLeft> copy;
    std::vector<Claimed> claimed;
    PrimaryEnding then;
};

void for_each_of(const Row& row,
                 const std::function<void(const PrimaryFacts&)>& look)
{
    for (const Failover failover : row.failover) {
        for (const GuestLeft guest : row.guest) {
            for (const ErrorKind why : row.why) {
                for (const CopyLeft copy : row.copy) {
                    for (const Claimed claimed : row.claimed) {
                        look({guest, failover, why, copy, claimed});
                    }
                }
            }
        }
    }
}

void each_row_says_what_comes_of_it(void**)
{
    const std::vector<Failover> no{Failover::not_wanted};
    const std::vector<ErrorKind> lost{ErrorKind::peer_lost};
    const std::vector<ErrorKind> there{
        ErrorKind::peer_stopped, ErrorKind::protocol, ErrorKind::asked_to_stop,
        ErrorKind::hypercall,    ErrorKind::diverged, ErrorKind::timeout};
    const std::vector<CopyLeft> none{CopyLeft::none},
        perhaps{CopyLeft::perhaps};
    const std::vector<GuestLeft> not_stuck{
        GuestLeft::runs, GuestLeft::suspended, GuestLeft::ended};
    const std::vector<Row> rows{
        {"claim", either, not_stuck, lost, perhaps,
         {Claimed::not_asked, Claimed::unknown}, {Then::claim}},
        {"theirs", either, not_stuck, lost, perhaps, {Claimed::theirs},
         {Then::give_up}},
        {"yours_and_suspended", either, {GuestLeft::suspended}, lost, perhaps,
         {Claimed::yours}, {Then::resume}},
        {"yours_and_runs", either, {GuestLeft::runs}, lost, perhaps,
         {Claimed::yours}, {Then::go_on}},
        {"nothing_to_claim", no, {GuestLeft::runs}, lost, none, any_claim,
         {Then::go_on}},
        {"ended_and_lost", either, {GuestLeft::ended}, lost, perhaps,
         {Claimed::no_witness, Claimed::yours}, {Then::go_on}},
        {"ended", either, {GuestLeft::ended}, there, any_copy, any_claim,
         {Then::go_on, LastWord::stop}},
        {"failover", {Failover::wanted},
         {GuestLeft::runs, GuestLeft::suspended, GuestLeft::stuck}, there,
         any_copy, any_claim, {Then::hand_over}},
        {"failover_and_lost", {Failover::wanted},
         {GuestLeft::runs, GuestLeft::suspended, GuestLeft::stuck}, lost,
         any_copy, no_witness, {Then::hand_over}},
        {"guest_stands", no, {GuestLeft::suspended}, any_reason, any_copy,
         no_witness, {Then::resume}},
        {"stuck_and_the_peer_has_stopped", no, {GuestLeft::stuck},
         {ErrorKind::peer_stopped}, any_copy, any_claim, {Then::hold}},
        {"stuck_with_a_copy", no, {GuestLeft::stuck},
         {ErrorKind::peer_lost, ErrorKind::asked_to_stop, ErrorKind::libxl},
         perhaps, any_claim, {Then::yield}},
        {"stuck_without_a_copy", no, {GuestLeft::stuck}, any_reason, none,
         any_claim, {Then::hold}},
        {"peer_lost", no, {GuestLeft::runs}, lost, any_copy, no_witness,
         {Then::go_on}},
        {"peer_stopped", no, {GuestLeft::runs}, {ErrorKind::peer_stopped},
         any_copy, any_claim, {Then::go_on, LastWord::bye}},
        {"anything_else", no, {GuestLeft::runs},
         {ErrorKind::protocol, ErrorKind::asked_to_stop, ErrorKind::hypercall,
          ErrorKind::diverged},
         any_copy, any_claim, {Then::go_on, LastWord::stop}},
    };
    for (const Row& row : rows) {
        for_each_of(row, [&](const PrimaryFacts& facts) {
            if (decide_primary_end(facts) != row.then) {
                fail_msg("%s: guest %d, why %d, copy %d, claimed %d", row.name,
                         static_cast<int>(facts.guest),
                         static_cast<int>(facts.why),
                         static_cast<int>(facts.copy),
                         static_cast<int>(facts.claimed));
            }
        });
    }
}

// Whatever else holds: no STOP, which makes the secondary destroy its copy,
// while the guest is nowhere but there.
void copy_is_not_told_to_go_while_the_guest_stands(void**)
{
    for_each_of({"", either, {GuestLeft::stuck}, any_reason, any_copy,
                 any_claim, {}},
                [](const PrimaryFacts& facts) {
                    const auto ending = decide_primary_end(facts);
                    assert_true(ending.word == LastWord::none);
                    assert_true(ending.then != Then::go_on);
                });
}

// With a witness no guest goes on after a loss without its yes.
void nobody_goes_on_unasked(void**)
{
    for_each_of({"", either, any_guest, {ErrorKind::peer_lost},
                 {CopyLeft::perhaps},
                 {Claimed::not_asked, Claimed::unknown, Claimed::theirs}, {}},
                [](const PrimaryFacts& facts) {
                    const Then then = decide_primary_end(facts).then;
                    assert_true(then != Then::go_on && then != Then::resume);
                });
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_row_says_what_comes_of_it),
        cmocka_unit_test(copy_is_not_told_to_go_while_the_guest_stands),
        cmocka_unit_test(nobody_goes_on_unasked),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
