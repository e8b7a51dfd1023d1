// The table of primary_end.h, row by row. What is done then is tested where two
// sessions meet: test-session-requests, test-session-faults.
#include "session/primary_end.h"

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

struct Row {
    const char* name;
    std::vector<Failover> failover;
    std::vector<GuestLeft> guest;
    std::vector<ErrorKind> why;
    std::vector<CopyLeft> copy;
    PrimaryEnding then;
};

void each_row_says_what_comes_of_it(void**)
{
    const std::vector<Failover> no{Failover::not_wanted};
    const std::vector<Row> rows{
        {"failover", {Failover::wanted}, any_guest, any_reason, any_copy,
         {Then::hand_over}},
        {"guest_ended", no, {GuestLeft::ended}, {ErrorKind::guest_stopped},
         any_copy, {Then::go_on, LastWord::stop}},
        {"guest_stands", no, {GuestLeft::suspended}, any_reason, any_copy,
         {Then::resume}},
        {"stuck_and_the_peer_has_stopped", no, {GuestLeft::stuck},
         {ErrorKind::peer_stopped}, any_copy, {Then::hold}},
        {"stuck_with_a_copy", no, {GuestLeft::stuck},
         {ErrorKind::peer_lost, ErrorKind::asked_to_stop, ErrorKind::libxl},
         {CopyLeft::perhaps}, {Then::leave_to_copy}},
        {"stuck_without_a_copy", no, {GuestLeft::stuck}, any_reason,
         {CopyLeft::none}, {Then::hold}},
        {"peer_lost", no, {GuestLeft::runs}, {ErrorKind::peer_lost}, any_copy,
         {Then::go_on}},
        {"peer_stopped", no, {GuestLeft::runs}, {ErrorKind::peer_stopped},
         any_copy, {Then::go_on, LastWord::bye}},
        {"anything_else", no, {GuestLeft::runs},
         {ErrorKind::protocol, ErrorKind::asked_to_stop, ErrorKind::hypercall,
          ErrorKind::diverged},
         any_copy, {Then::go_on, LastWord::stop}},
    };
    for (const Row& row : rows) {
        for (const Failover failover : row.failover) {
            for (const GuestLeft guest : row.guest) {
                for (const ErrorKind why : row.why) {
                    for (const CopyLeft copy : row.copy) {
                        if (decide_primary_end(failover, guest, why, copy) !=
                            row.then) {
                            fail_msg("%s: guest %d, why %d, copy %d", row.name,
                                     static_cast<int>(guest),
                                     static_cast<int>(why),
                                     static_cast<int>(copy));
                        }
                    }
                }
            }
        }
    }
}

// Whatever else holds: no STOP, which makes the secondary destroy its copy,
// while the guest is nowhere but there.
void copy_is_not_told_to_go_while_the_guest_stands(void**)
{
    for (const Failover failover : either) {
        for (const ErrorKind why : any_reason) {
            for (const CopyLeft copy : any_copy) {
                const auto ending = decide_primary_end(
                    failover, GuestLeft::stuck, why, copy);
                assert_true(ending.word == LastWord::none);
                assert_true(ending.then != Then::go_on);
            }
        }
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_row_says_what_comes_of_it),
        cmocka_unit_test(copy_is_not_told_to_go_while_the_guest_stands),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
