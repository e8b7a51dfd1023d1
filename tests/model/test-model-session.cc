// Whole sessions over Debian's libxc: initial copy and checkpoints. Every one
// is compared byte by byte, apart from the program's own verification.
#include "hypervisor.h"
#include "check_outcome.h"  // last: cmocka has a macro called fail

using namespace xl_colo;
using namespace xl_colo::model;

namespace {

void checkpoints_leave_two_equal_guests(void**)
{
    PairOptions options;
    options.checkpoints = 10;
    const PairResult r = run_pair(options);

    assert_no_trouble(r);
    assert_text(r.primary.why, "10 checkpoints taken");
    assert_int_equal(r.primary.checkpoints, 11);
    assert_int_equal(r.comparison.made, 11);
    // Without this the rest would say nothing.
    assert_true(r.comparison.drifted >= 9);
    assert_int_equal(r.comparison.differing_pages, 0);
    assert_int_equal(r.comparison.differing_registers, 0);
    assert_int_equal(r.comparison.differing_devices, 0);
    assert_has_guest(r.primary, State::unprotected);
    assert_text(to_string(r.secondary.state), to_string(State::ended));
}

// A copy that stands until it takes over has as good a state at any time.
void copy_that_stands_is_equal(void**)
{
    PairOptions options;
    options.output = Output::commit;
    options.checkpoints = 10;
    const PairResult r = run_pair(options);

    assert_no_trouble(r);
    assert_text(r.primary.why, "10 checkpoints taken");
    assert_int_equal(r.comparison.made, 11);
    assert_true(r.comparison.drifted >= 9);
    assert_int_equal(r.comparison.differing_pages, 0);
    assert_int_equal(r.comparison.differing_registers, 0);
    assert_int_equal(r.comparison.differing_devices, 0);
    assert_has_guest(r.primary, State::unprotected);
}

void copy_that_runs_now_and_then_is_equal(void**)
{
    PairOptions options;
    options.output = Output::automatic;
    options.copy_runs = [](CheckpointNumber n) { return n.value() / 2 % 2; };
    options.checkpoints = 12;
    const PairResult r = run_pair(options);

    assert_no_trouble(r);
    assert_text(r.primary.why, "12 checkpoints taken");
    assert_int_equal(r.comparison.made, 13);
    assert_true(r.comparison.drifted >= 9);
    assert_int_equal(r.comparison.differing_pages, 0);
    assert_int_equal(r.comparison.differing_registers, 0);
    assert_int_equal(r.comparison.differing_devices, 0);
    assert_has_guest(r.primary, State::unprotected);
}

// What the back channel is for, and F3: C = B \ A is not sent, so the copy
// keeps pages of its own.
void copy_differs_without(const char* part)
{
    PairOptions options;
    options.without = {part};
    const PairResult r = run_pair(options);

    assert_no_trouble(r);
    assert_true(r.comparison.differing_pages > 0);
    assert_int_equal(r.comparison.differing_registers, 0);
    assert_contains(r.primary.why, "verification of checkpoint");
    assert_has_guest(r.primary, State::unprotected);
    assert_text(to_string(r.secondary.state), to_string(State::ended));
}

void copy_differs_without_the_dirty_list(void**)
{
    copy_differs_without(without_back_channel);
}

void copy_differs_without_the_highest_gfn(void**)
{
    copy_differs_without(without_f3);
}

// What is left out is told by digests: --verify, which goes by others, notices
// when they do not tell pages apart.
void copy_differs_without_a_digest(void**)
{
    copy_differs_without(without_digest);
}

void copy_is_right_without_elision(void**)
{
    PairOptions options;
    options.without = {without_elision};
    const PairResult r = run_pair(options);

    assert_no_trouble(r);
    assert_contains(r.primary.why, " checkpoints taken");
    assert_int_equal(r.comparison.differing_pages, 0);
}

void copy_is_right_with_pages_packed(void**)
{
    for (const auto kind : {Compression::lz4, Compression::automatic}) {
        PairOptions options;
        options.compression = kind;
        const PairResult r = run_pair(options);

        assert_no_trouble(r);
        assert_contains(r.primary.why, " checkpoints taken");
        assert_true(r.comparison.drifted > 0);
        assert_int_equal(r.comparison.differing_pages, 0);
    }
}

// A page that the copy gave back by itself is in no log. The primary leaves it
// out, for it holds there what was sent last, and the copy would go on without
// it; stock COLO fails to put it in.
void page_that_the_copy_gave_back_ends_protection(void**)
{
    // Where the guest's program never writes.
    constexpr Pfn page{0xf1000};
    const auto guest = [] {
        return Hypervisor::of_this_process().find_from(Domid{0}).second;
    };
    PairOptions options;
    options.verify = false;
    options.on_primary = [&](Scene& scene) {
        scene.during(0, "device_model_log_dirty", 1,
                     [&] { guest()->add(page); });
        scene.during(3, "suspend", 1, [&] { guest()->touch(page); });
    };
    options.on_secondary = [&](Scene& scene) {
        scene.during(3, "suspend", 1, [&] { guest()->remove(page); });
    };
    const PairResult r = run_pair(options);

    assert_no_trouble(r);
    assert_contains(r.primary.why, "pfn 0xf1000 is gone from the copy");
    assert_has_guest(r.primary, State::unprotected);
    assert_text(to_string(r.secondary.state), to_string(State::ended));
}

// As "xl save" does it.
void log_that_somebody_else_cleaned_ends_protection(void**)
{
    const auto guest = [] {
        return Hypervisor::of_this_process().find_from(Domid{0}).second;
    };
    PairOptions options;
    options.verify = false;
    options.on_primary = [&](Scene& scene) {
        scene.during(3, "suspend", 1, [&] {
            xen_domctl_shadow_op_stats stats;
            guest()->read_log_dirty(nullptr, Pages{0}, true, stats);
        });
    };
    const PairResult r = run_pair(options);

    assert_no_trouble(r);
    assert_contains(r.primary.why, "taken the guest's dirty log");
    assert_int_equal(r.primary.checkpoints, 3);
    assert_int_equal(r.comparison.differing_pages, 0);
    assert_has_guest(r.primary, State::unprotected);
    assert_text(to_string(r.secondary.state), to_string(State::ended));
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_leave_two_equal_guests),
        cmocka_unit_test(copy_that_stands_is_equal),
        cmocka_unit_test(copy_that_runs_now_and_then_is_equal),
        cmocka_unit_test(copy_differs_without_the_dirty_list),
        cmocka_unit_test(copy_differs_without_the_highest_gfn),
        cmocka_unit_test(copy_differs_without_a_digest),
        cmocka_unit_test(copy_is_right_without_elision),
        cmocka_unit_test(copy_is_right_with_pages_packed),
        cmocka_unit_test(page_that_the_copy_gave_back_ends_protection),
        cmocka_unit_test(log_that_somebody_else_cleaned_ends_protection),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
