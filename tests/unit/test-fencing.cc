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
    std::ostringstream told;
    told << std::ifstream(folder.path() + "/told").rdbuf();
    const std::string session = id;
    assert_text(told.str(), session + " primary web1 claim\n" + session +
                                " secondary web1 claim\n");
}

}  // namespace

// ---- the fence command -----------------------------------------------------

static void fence_is_told_whom_it_is_about(void**)
{
    ShellFence fence("test \"$XL_COLO_DOMAIN $XL_COLO_PRIMARY\" = 'g1 alpha'",
                     "g1", "alpha");
    assert_true(bool(fence.run(nullptr)));
}

static void fence_that_does_not_say_yes_says_no(void**)
{
    const auto answer = [](const char* command) {
        ShellFence fence(command, "g1", "alpha", 300ms);
        const Status s = fence.run(nullptr);
        return s ? std::string("yes") : s.error().text();
    };
    assert_text(answer("exit 3"), "exit status 3");
    assert_text(answer("kill -KILL $$"), "ended by signal 9");
    assert_text(answer("sleep 60"), "no answer within 300 ms");
    assert_text(answer("true"), "yes");
}

// An xl in the command would run our helper in the place of its own.
static void fence_does_not_get_our_save_helper(void**)
{
    setenv("LIBXL_SAVE_HELPER", "/nonexistent", 1);
    ShellFence fence("test -z \"$LIBXL_SAVE_HELPER\"", "g1", "alpha");
    const Status s = fence.run(nullptr);
    unsetenv("LIBXL_SAVE_HELPER");
    assert_true(bool(s));
}

static void fence_that_is_interrupted_says_no(void**)
{
    ShellFence fence("sleep 300", "g1", "alpha");
    const Status s = fence.run([] { return true; });
    assert_true(s.error().kind() == ErrorKind::aborted);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_is_yours_theirs_or_unknown),
        cmocka_unit_test(a_claim_that_is_interrupted_is_unknown),
        cmocka_unit_test(the_witness_is_told_who_wants_what),
        cmocka_unit_test(fence_is_told_whom_it_is_about),
        cmocka_unit_test(fence_that_is_interrupted_says_no),
        cmocka_unit_test(fence_that_does_not_say_yes_says_no),
        cmocka_unit_test(fence_does_not_get_our_save_helper),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
