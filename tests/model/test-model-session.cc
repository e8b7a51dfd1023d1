// Whole sessions over Debian's libxc: initial copy, checkpoints, and what goes
// wrong in between. Every checkpoint is compared byte by byte, apart from the
// program's own verification.
#include <cerrno>

#include "hypervisor.h"
#include "pair.h"

#include "check.h"  // last: cmocka has a macro called fail

using namespace xl_colo;
using namespace xl_colo::model;

namespace {

// The process said nothing of an accident of its own.
void assert_no_trouble(const PairResult& r)
{
    assert_text(r.primary.trouble, "");
    assert_text(r.secondary.trouble, "");
}

// The guest is left here, whole, and goes on.
void assert_has_guest(const Outcome& side, State state)
{
    assert_text(to_string(side.state), to_string(state));
    assert_true(side.went_on);
    assert_true(side.sound);
}

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

struct Moment {
    const char* step;
    unsigned nth;
};

void killed_primary_leaves_the_guest_on_the_secondary(void**)
{
    constexpr Moment moments[] = {
        {"save.wait", 1},              // idle
        {"suspended", 1},              // before the dirty list
        {"hypercall.map", 1},          // before the first page
        {"hypercall.map", 2},          // while pages flow
        {"hypercall.get_context", 1},  // after the last page
        {"save.checkpoint", 1},        // before the device state
        {"save.checkpoint.done", 1},   // committed
        {"resume", 1},                 // the copy has been told to go on
    };
    for (const Moment& moment : moments) {
        PairOptions options;
        options.verify = false;
        options.checkpoints.reset();
        options.on_primary = [&](Scene& scene) {
            scene.kill_during(3, moment.step, moment.nth);
        };
        const PairResult r = run_pair(options);

        print_message("primary killed at %s\n", moment.step);
        assert_true(r.primary.killed);
        assert_text(r.secondary.trouble, "");
        assert_contains(r.secondary.why, "primary lost");
        assert_contains(r.secondary.warning, "nothing proved the primary dead");
        assert_has_guest(r.secondary, State::taken_over);
    }
}

void killed_secondary_leaves_the_guest_on_the_primary(void**)
{
    constexpr Moment moments[] = {
        {"restore.wait", 1},
        {"suspended", 1},
        {"hypercall.log_dirty_clean", 1},
        {"restore.checkpoint", 1},
        {"hypercall.map", 1},  // applying
        {"load_device_state", 1},
        {"resume", 1},
    };
    for (const Moment& moment : moments) {
        PairOptions options;
        options.verify = false;
        options.checkpoints.reset();
        options.on_secondary = [&](Scene& scene) {
            scene.kill_during(3, moment.step, moment.nth);
        };
        const PairResult r = run_pair(options);

        print_message("secondary killed at %s\n", moment.step);
        assert_true(r.secondary.killed);
        assert_text(r.primary.trouble, "");
        assert_contains(r.primary.why, "secondary lost");
        assert_contains(r.primary.warning, "xl list");
        assert_has_guest(r.primary, State::unprotected);
    }
}

void primary_killed_during_the_initial_copy_leaves_nothing(void**)
{
    PairOptions options;
    options.on_primary = [](Scene& scene) {
        scene.kill_during(0, "hypercall.map", 3);
    };
    const PairResult r = run_pair(options);

    assert_true(r.primary.killed);
    assert_text(r.secondary.trouble, "");
    assert_text(to_string(r.secondary.state), to_string(State::ended));
    assert_int_equal(r.secondary.checkpoints, 0);
}

void failed_hypercall_ends_protection(void**)
{
    struct {
        Role side;
        const char* call;
    } constexpr cases[] = {
        {Role::primary, "hypercall.log_dirty_clean"},
        {Role::primary, "hypercall.map"},
        {Role::primary, "hypercall.get_context"},
        {Role::secondary, "hypercall.log_dirty_clean"},
        {Role::secondary, "hypercall.map"},
        {Role::secondary, "hypercall.set_context"},
    };
    for (const auto& c : cases) {
        PairOptions options;
        options.verify = false;
        options.checkpoints.reset();
        const auto fail = [&](Scene& scene) {
            scene.fail_during(2, c.call,
                              {ErrorKind::hypercall, "failed", ENOMEM});
        };
        (c.side == Role::primary ? options.on_primary : options.on_secondary) =
            fail;
        const PairResult r = run_pair(options);

        print_message("%s fails on the %s\n", c.call, to_string(c.side));
        assert_no_trouble(r);
        assert_contains(r.primary.why, "Cannot allocate memory");
        assert_has_guest(r.primary, State::unprotected);
        assert_text(to_string(r.secondary.state), to_string(State::ended));
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_leave_two_equal_guests),
        cmocka_unit_test(copy_differs_without_the_dirty_list),
        cmocka_unit_test(copy_differs_without_the_highest_gfn),
        cmocka_unit_test(copy_differs_without_a_digest),
        cmocka_unit_test(copy_is_right_without_elision),
        cmocka_unit_test(page_that_the_copy_gave_back_ends_protection),
        cmocka_unit_test(killed_primary_leaves_the_guest_on_the_secondary),
        cmocka_unit_test(killed_secondary_leaves_the_guest_on_the_primary),
        cmocka_unit_test(primary_killed_during_the_initial_copy_leaves_nothing),
        cmocka_unit_test(failed_hypercall_ends_protection),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr) != 0;
}
