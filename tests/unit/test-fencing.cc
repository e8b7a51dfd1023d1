// The commands of --fence and --witness: what they get, and what their answers
// mean.
#include "fencing/shell_fence.h"
#include "fencing/shell_witness.h"

#include "check.h"

using namespace xl_colo;
using namespace std::chrono_literals;

namespace {

const char* const id = "0123456789abcdef0123456789abcdef";

ShellWitness witness(const std::string& command,
                     ShellWitness::Side side = ShellWitness::Side::primary)
{
    return {command, id, side, "web1"};
}

void a_claim_is_yours_theirs_or_unknown(void**)
{
    const struct {
        const char* command;
        Claim claim;
        const char* why;
    } cases[] = {
        {"exit 0", Claim::yours, ""},
        {"exit 1", Claim::theirs, ""},
        {"exit 2", Claim::unknown, "exit status 2"},
        {"exit 127", Claim::unknown, "exit status 127"},
        {"exit 255", Claim::unknown, "exit status 255"},
        {"kill -9 $$", Claim::unknown, "ended by signal 9"},
    };
    for (const auto& c : cases) {
        print_message("  %s\n", c.command);
        const ClaimAnswer answer = witness(c.command).claim(nullptr);
        assert_int_equal(answer.claim, c.claim);
        assert_text(answer.why, c.why);
    }
}

void a_claim_that_is_interrupted_is_unknown(void**)
{
    const ClaimAnswer answer =
        witness("sleep 300").claim([] { return true; });
    assert_int_equal(answer.claim, Claim::unknown);
    assert_text(answer.why, "interrupted");
}

void the_witness_is_told_who_wants_what(void**)
{
    const ScratchFolder folder;
    const std::string command =
        "echo $XL_COLO_SESSION $XL_COLO_ROLE $XL_COLO_DOMAIN $XL_COLO_ACTION "
        ">> " + folder.path() + "/told";
    witness(command).claim(nullptr);
    auto secondary = witness(command, ShellWitness::Side::secondary);
    secondary.claim(nullptr);
    assert_true(bool(secondary.release()));
    std::ostringstream told;
    told << std::ifstream(folder.path() + "/told").rdbuf();
    const std::string session = id;
    assert_text(told.str(), session + " primary web1 claim\n" + session +
                                " secondary web1 claim\n" + session +
                                " secondary web1 release\n");
}

void a_release_that_fails_says_so(void**)
{
    assert_text(witness("exit 2").release().error().text(), "exit status 2");
    assert_text(witness("exit 1").release().error().text(), "exit status 1");
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_is_yours_theirs_or_unknown),
        cmocka_unit_test(a_claim_that_is_interrupted_is_unknown),
        cmocka_unit_test(the_witness_is_told_who_wants_what),
        cmocka_unit_test(a_release_that_fails_says_so),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
